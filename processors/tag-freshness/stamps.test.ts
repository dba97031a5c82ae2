import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { appendedAt, site, sourceOf, tag, tagged } from './fixture.ts';
import { occurrence } from './stamps.ts';

const iso = (at: number): string => new Date(at).toISOString();
const call = { type: 'track', event: 'E', messageId: 'm', userId: 'u' };
const minute = 60_000;
const hour = 60 * minute;

describe('when an event happened', () => {
  it('is corrected by the difference of receiving and sending', () => {
    const ahead = { ...call, timestamp: iso(appendedAt + 50 * minute) };
    const sent = { 'received-at': String(appendedAt), 'sent-at': iso(appendedAt + hour) };
    expect(tagged(site, ahead, sent)).toMatchObject({ occurredAt: appendedAt - 10 * minute, flags: ['skew-corrected'] });
  });

  it.each([
    ['a second, which is the network', 1000],
    ['more than a day, which is a call that was kept', 25 * hour],
  ])('is left alone when they differ by %s', (_, skew) => {
    const at = appendedAt - 2 * hour;
    const sent = { 'received-at': String(appendedAt), 'sent-at': iso(appendedAt - skew) };
    expect(tagged(site, { ...call, timestamp: iso(at) }, sent)).toMatchObject({ occurredAt: at, flags: [] });
  });

  it('is left alone on a retry, where the gateway hands on no sending time', () => {
    const at = appendedAt - 22_700;
    expect(tagged(site, { ...call, timestamp: iso(at), sentAt: iso(at) })).toMatchObject({ occurredAt: at, flags: [] });
  });

  it('is not corrected by a stamp of receiving that lies after the append time', () => {
    const headers = { 'received-at': String(appendedAt + 2 * hour), 'sent-at': iso(appendedAt - 40) };
    const at = appendedAt - 10 * minute;
    expect(tagged(site, { ...call, timestamp: iso(at) }, headers)).toMatchObject({
      occurredAt: at,
      receivedAt: appendedAt,
      flags: [],
    });
  });

  it('is when it was received if nobody said, and then vouched for as of no time', () => {
    const sent = { 'received-at': String(appendedAt - 30), 'sent-at': iso(appendedAt - hour) };
    expect(tagged(site, call, sent)).toMatchObject({ occurredAt: appendedAt - 30, asOf: null, flags: [] });
  });

  it("is the device's time corrected, or else the time that a relay has corrected before", () => {
    const relayed = { ...call, originalTimestamp: iso(appendedAt - 2 * hour), timestamp: iso(appendedAt - hour) };
    expect(tagged(site, relayed).occurredAt).toBe(appendedAt - hour);
    const sent = { 'received-at': String(appendedAt), 'sent-at': iso(appendedAt - 90 * minute) };
    expect(tagged(site, relayed, sent).occurredAt).toBe(appendedAt - 30 * minute);
  });

  it('is counted by its source where the claim was not believed, and why', () => {
    const ahead = { ...call, timestamp: iso(appendedAt + 50 * minute) };
    const sent = { 'received-at': String(appendedAt), 'sent-at': iso(appendedAt + hour) };
    expect(tag(site, ahead).counted).toEqual(['flagged site future-clamped']);
    expect(tag(site, ahead, sent).counted).toEqual(['flagged site skew-corrected']);
    expect(tag(site, { ...call, timestamp: iso(appendedAt) }).counted).toEqual([]);
  });

  it('is never later than the broker plus five seconds, in no kind of source', () => {
    const future = { ...call, timestamp: iso(appendedAt + 30 * 24 * hour) };
    const expected = { occurredAt: appendedAt + 5000, asOf: appendedAt + 5000, flags: ['future-clamped'] };
    expect(tagged(site, future)).toMatchObject(expected);
    expect(tagged(sourceOf({ mode: 'backfill' }), future)).toMatchObject(expected);
    expect(tagged(sourceOf({ liveness: 'batch' }), future)).toMatchObject(expected);
  });

  it('may lie as far back as the source says', () => {
    const past = tagged(sourceOf({ mode: 'replay' }), { ...call, timestamp: '1999-12-31T23:59:00Z' });
    expect(past).toMatchObject({ occurredAt: Date.UTC(1999, 11, 31, 23, 59), flags: [], mode: 'replay' });
  });

  it('never lies outside 1970 and the broker plus five seconds, whatever is claimed', () => {
    const time = fc.integer({ min: -1e12, max: 4e12 });
    const maybe = fc.option(time);
    fc.assert(
      fc.property(maybe, maybe, maybe, time, fc.nat(3e12), (occurredAt, deviceAt, sentAt, receivedAt, appendedAt) => {
        const result = occurrence({ occurredAt, deviceAt, sentAt, receivedAt, appendedAt });
        return result.occurredAt >= 0 && result.occurredAt <= appendedAt + 5000;
      }),
    );
  });
});

describe('as of when a source vouches', () => {
  it('is what the call or the record says, not when it came', () => {
    expect(tagged(site, { ...call, context: { asOf: iso(appendedAt - hour) } }).asOf).toBe(appendedAt - hour);
    expect(tagged(site, call, { 'as-of': iso(appendedAt - hour) }).asOf).toBe(appendedAt - hour);
    expect(tagged(site, call, { 'as-of': String(appendedAt - hour) }).asOf).toBe(appendedAt - hour);
  });

  it('is not in the future', () => {
    expect(tagged(site, call, { 'as-of': iso(appendedAt + hour) }).asOf).toBe(appendedAt);
  });
});
