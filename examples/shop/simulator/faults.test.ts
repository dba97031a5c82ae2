import { describe, expect, it } from '@jest/globals';
import { deliveries } from './deliveries.ts';
import { faultKinds, usualFaults, withFaults, type Delivery } from './faults.ts';
import { shopEvents } from './model.ts';
import { demoPace } from './pace.ts';
import { feedOf } from './shop-event.ts';

const start = Date.UTC(2026, 0, 5);
const minutes = 8;
const end = start + minutes * 60_000;
const events = [...shopEvents({ seed: 1, start, end, eventsPerSecond: 150, pace: demoPace, registered: true })];
const sent = [...withFaults(events, 1)];
const of = (fault: Delivery['fault']): Delivery[] => sent.filter((delivery) => delivery.fault === fault);
const byVisitors = events.filter(({ source }) => source === 'shop').length;

describe('what goes wrong on the way', () => {
  it.each(faultKinds)('goes wrong as often as it should: %s', (fault) => {
    const share = of(fault).length / byVisitors;
    expect(share / usualFaults[fault]).toBeGreaterThan(0.75);
    expect(share / usualFaults[fault]).toBeLessThan(1.25);
  });

  it('is the same for the same seed, and in the order of time', () => {
    expect(JSON.stringify([...withFaults(events, 1)])).toBe(JSON.stringify(sent));
    expect(sent.every(({ at }, index) => at >= (sent[index - 1]?.at ?? start))).toBe(true);
  });

  it('loses nothing: every event is sent, and those of the shop itself once and at once', () => {
    const calls = sent.filter(({ body }) => body === undefined);
    const ids = new Set(calls.map(({ event }) => event.messageId));
    expect(events.filter(({ messageId }) => !ids.has(messageId))).toEqual([]);
    expect(calls).toHaveLength(events.length + of('duplicate').length);
    const own = sent.filter(({ event }) => event.source !== 'shop');
    expect(own.every(({ fault, at, event }) => fault === undefined && at === event.at)).toBe(true);
  });

  it('keeps duplicates as they were, what is late more than five minutes, and what is out of order less than the lateness', () => {
    const first = new Map(of(undefined).map(({ event, at }) => [event, at]));
    expect(of('duplicate').every(({ event, at }) => (first.get(event) ?? Infinity) < at)).toBe(true);
    expect(of('late').every(({ at, event }) => at - event.occurredAt > 300_000)).toBe(true);
    expect(of('out-of-order').every(({ at, event }) => at > event.at && at - event.occurredAt < 4000)).toBe(true);
    expect(of('future').every(({ at, event }) => event.occurredAt - at > 60_000)).toBe(true);
  });
});

describe('what reaches the gateway', () => {
  it('has late ones from the first minute on, each in its time, and begins at the start', () => {
    const first: Delivery[] = [];
    for (const delivery of deliveries({ seed: 1, start, eventsPerSecond: 150 })) {
      if (delivery.at >= start + 60_000) break;
      first.push(delivery);
    }
    expect(first.every(({ at }, index) => at >= (first[index - 1]?.at ?? start))).toBe(true);
    expect(first.every(({ fault, event }) => fault === undefined || feedOf(event) === 'shop')).toBe(true);
    const late = first.filter(({ fault }) => fault === 'late');
    expect(late.length).toBeGreaterThan(40);
    expect(late.length).toBeLessThan(140);
    expect(late.every(({ event, at }) => event.call.kind !== 'identify' && at - event.occurredAt > 300_000)).toBe(true);
  });
});
