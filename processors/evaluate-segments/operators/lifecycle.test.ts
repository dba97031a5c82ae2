import { describe, expect, it } from '@jest/globals';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { firstTime } from './first-time.ts';
import { regular } from './regular.ts';
import { returned } from './returned.ts';
import { stopped } from './stopped.ts';

const known = (events: readonly LeafEvent[], at: number): number[] =>
  events.filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at).map(({ occurredAt }) => occurredAt);

conforms('a first time', {
  operator: firstTime,
  config: { of: 'A', within: '10s' },
  respelt: { within: '10000ms', of: 'A' },
  events: ['A', 'B'],
  means: (events, at) => (known(events, at)[0] ?? Number.NEGATIVE_INFINITY) > at - 10_000,
});
conforms('a first time ever', {
  operator: firstTime,
  config: { of: 'A' },
  events: ['A', 'B'],
  means: (events, at) => known(events, at).length > 0,
});
conforms('a return', {
  operator: returned,
  config: { of: 'A', after: '5s', for: '8s' },
  events: ['A', 'B'],
  means: (events, at) => {
    const times = known(events, at);
    const back = times.findLast((time, index) => time - (times[index - 1] ?? time) >= 5000);
    return back !== undefined && at < back + 8000 && at < (times.at(-1) ?? 0) + 5000;
  },
});
conforms('a return for good', {
  operator: returned,
  config: { of: 'A', after: '5s' },
  events: ['A', 'B'],
  means: (events, at) => {
    const times = known(events, at);
    return times.some((time, index) => time - (times[index - 1] ?? time) >= 5000) && at < (times.at(-1) ?? 0) + 5000;
  },
});
conforms('a stop', {
  operator: stopped,
  config: { of: 'A', for: '6s', at_least: 3, within: '12s' },
  events: ['A', 'A', 'B'],
  means: (events, at) => {
    const times = known(events, at);
    const last = times.at(-1) ?? Number.POSITIVE_INFINITY;
    return at >= last + 6000 && times.filter((time) => time > last - 12_000).length >= 3;
  },
});
const DAY = 86_400_000;
conforms('a habit by the weeks', {
  operator: regular,
  config: { of: 'A', in_at_least: 2, of_last: 3, periods: 'weeks', zone: 'workspace' },
  events: ['A', 'B'],
  unitMs: 2 * DAY,
  startMs: Date.UTC(2024, 0, 1),
  means: (events, at) => {
    // The first of January 2024 is a Monday.
    const week = (time: number): number => Math.floor((time - Date.UTC(2024, 0, 1)) / (7 * DAY));
    return (
      new Set(
        known(events, at)
          .map(week)
          .filter((each) => each > week(at) - 3),
      ).size >= 2
    );
  },
});
conforms('a habit by the days of the customer', {
  operator: regular,
  config: { of: 'A', in_at_least: 2, of_last: 2, periods: 'days' },
  events: ['A', 'Identify'],
  zones: ['Asia/Tokyo', 'America/New_York'],
  unitMs: 3_600_000,
  startMs: Date.UTC(2024, 2, 9),
  means: (events, at) => {
    const zone = events.findLast(({ occurredAt }) => occurredAt <= at)?.zone ?? 'UTC';
    const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
    const day = (time: number): number => Date.parse(format.format(time)) / DAY;
    return (
      new Set(
        known(events, at)
          .map(day)
          .filter((each) => each > day(at) - 2),
      ).size >= 2
    );
  },
});

describe('a habit', () => {
  it('cannot be in more periods than there are', () => {
    const config = { of: 'A', in_at_least: 4, of_last: 3, periods: 'days' };
    expect(() => regular.compile(config, { path: [], timezone: 'UTC' })).toThrow('expected at most of_last (3)');
  });
});
