import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { conforms } from './conformance.ts';
import { count } from './count.ts';
import type { LeafEvent } from '../operator.ts';

const window = (events: readonly LeafEvent[], at: number, ms: number): readonly LeafEvent[] =>
  events.filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at && occurredAt > at - ms);
const ever = Number.POSITIVE_INFINITY;
const properties = fc.record({ key: fc.constantFrom('x', 'y', 'z'), size: fc.nat(3) }, { requiredKeys: [] });

conforms('a count within a window', {
  operator: count,
  config: { of: 'A', within: '20s', at_least: 2 },
  respelt: { at_least: 2, within: '20000ms', of: 'A' },
  events: ['A', 'B'],
  means: (events, at) => window(events, at, 20_000).length >= 2,
});
conforms('a count of some events that stays small', {
  operator: count,
  config: { of: 'A', where: 'properties.size >= 2', within: '10s', at_most: 1 },
  events: ['A'],
  properties,
  means: (events, at) => window(events, at, 10_000).filter((each) => Number(each.properties['size'] ?? 0) >= 2).length <= 1,
});
conforms('a count of different values', {
  operator: count,
  config: { of: 'A', within: '15s', distinct: 'key', at_least: 2 },
  events: ['A'],
  properties,
  means: (events, at) => new Set(window(events, at, 15_000).flatMap((each) => each.properties['key'] ?? [])).size >= 2,
});
conforms('a count of all there ever were', {
  operator: count,
  config: { of: 'A', exactly: 1 },
  events: ['A', 'B'],
  means: (events, at) => window(events, at, ever).length === 1,
});
conforms('a count of different values ever', {
  operator: count,
  config: { of: 'A', distinct: 'key', less_than: 3 },
  events: ['A', 'B'],
  properties,
  means: (events, at) => new Set(window(events, at, ever).flatMap((each) => each.properties['key'] ?? [])).size < 3,
});

conforms('a count of what is not too new', {
  operator: count,
  config: { of: 'A', within: '20s', older_than: '5s', at_least: 2 },
  events: ['A', 'B'],
  means: (events, at) => window(events, at - 5000, 15_000).length >= 2,
});
conforms('a count that is less precise about what leaves the window', {
  operator: count,
  config: { of: 'A', within: '20s', precision: '6s', at_least: 2 },
  events: ['A', 'B'],
  means: (events, at) =>
    events.filter(
      (each) => each.event === 'A' && each.occurredAt <= at && Math.ceil((each.occurredAt + 20_000) / 6000) * 6000 > at,
    ).length >= 2,
});
const HOUR = 3_600_000;
/** Start of the day in a zone, found by its clock alone, hour by hour. */
const dayOf = (at: number, timeZone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
conforms('a count of this day on which the clocks change', {
  operator: count,
  config: { of: 'A', during: 'today', zone: 'Europe/London', at_least: 2 },
  events: ['A', 'B'],
  unitMs: HOUR,
  startMs: Date.UTC(2024, 2, 30, 12),
  means: (events, at) => {
    const london = (time: number): string => dayOf(time, 'Europe/London');
    return (
      events.filter((each) => each.event === 'A' && each.occurredAt <= at && london(each.occurredAt) === london(at)).length >= 2
    );
  },
});
conforms('a count of yesterday by the clock of the customer', {
  operator: count,
  config: { of: 'A', during: 'yesterday', at_least: 1 },
  respelt: { of: 'A', during: 'yesterday', zone: 'customer', at_least: 1 },
  events: ['A', 'Identify'],
  zones: ['Asia/Tokyo', 'America/Los_Angeles'],
  traits: fc.constantFrom({}, {}, { timezone: 'Pacific/Auckland' }, { timezone: 'nowhere' }),
  unitMs: HOUR,
  startMs: Date.UTC(2024, 9, 26, 6),
  means: (events, at) => {
    const known = events.filter(({ occurredAt }) => occurredAt <= at);
    const named = known.findLast(({ traits }) => traits['timezone'] === 'Pacific/Auckland');
    const zone = named === undefined ? (known.at(-1)?.zone ?? 'UTC') : 'Pacific/Auckland';
    const noon = Date.parse(`${dayOf(at, zone)}T12:00:00Z`) - 24 * HOUR;
    return known.some((each) => each.event === 'A' && dayOf(each.occurredAt, zone) === new Date(noon).toISOString().slice(0, 10));
  },
});
conforms('a count of this quarter', {
  operator: count,
  config: { of: 'A', during: 'this quarter', zone: 'workspace', exactly: 1 },
  events: ['A'],
  unitMs: 10 * 24 * HOUR,
  startMs: Date.UTC(2024, 0, 1),
  means: (events, at) => {
    const quarter = (time: number): number => Math.floor(new Date(time).getUTCMonth() / 3) + 4 * new Date(time).getUTCFullYear();
    return (
      events.filter((each) => each.event === 'A' && each.occurredAt <= at && quarter(each.occurredAt) === quarter(at)).length ===
      1
    );
  },
});

describe('a count', () => {
  const compile = (config: unknown): unknown => count.compile(config, { path: ['when', 'count'], timezone: 'UTC' });

  it('wants exactly one comparison', () => {
    expect(() => compile({ of: 'A' })).toThrow(
      'expected exactly one of at_least, more_than, at_most, less_than, exactly, found none',
    );
    expect(() => compile({ of: 'A', at_least: 1, at_most: 3 })).toThrow('found at_least and at_most');
  });

  it('refuses times that contradict each other', () => {
    expect(() => compile({ of: 'A', at_least: 1, within: '1h', during: 'today' })).toThrow('expected either this or during');
    expect(() => compile({ of: 'A', at_least: 1, within: '1h', older_than: '2h' })).toThrow('expected less than within');
    expect(() => compile({ of: 'A', at_least: 1, precision: '1h' })).toThrow('expected within beside it');
    expect(() => compile({ of: 'A', at_least: 1, during: 'today', zone: 'Mars' })).toThrow('an IANA time zone');
  });

  it('keeps no more than one entry for each step of its precision, whatever happens', () => {
    const leaf = count.compile({ of: 'A', within: '365d', precision: '1d', at_least: 5 }, { path: [], timezone: 'UTC' });
    let state: unknown = leaf.empty;
    for (let hour = 0; hour < 24 * 30; hour++) {
      const event = { messageId: `m${hour}`, event: 'A', occurredAt: hour * HOUR, properties: {}, traits: {} };
      state = leaf.prune(
        leaf.add(state, event, () => undefined),
        hour * HOUR,
      );
    }
    expect((state as { log: unknown[] }).log.length).toBeLessThanOrEqual(31);
    expect(leaf.figure?.value(state, 30 * 24 * HOUR)).toBe(720);
  });

  it('refuses a window of no length and a condition that is none', () => {
    expect(() => compile({ of: 'A', at_least: 1, within: '0s' })).toThrow('expected a duration above zero');
    expect(() => compile({ of: 'A', at_least: 1, where: 'properties.' })).toThrow('not a valid CEL expression');
  });
});
