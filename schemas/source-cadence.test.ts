import { describe, expect, it } from '@jest/globals';
import { ConfigProblem } from './config.ts';
import { cadenceInWords, cadenceOf, longestGap, nightly } from './source-cadence.ts';
import { formatDuration } from './duration.ts';

const utc = (text: string): number => Date.parse(`${text}Z`);
const shown = (at: number): string => new Date(at).toISOString().slice(0, 16);

describe('a night', () => {
  const london = nightly('02:00', 'Europe/London');

  it('comes once a day by the local clock', () => {
    expect(shown(london.next(utc('2024-01-10T01:59')))).toBe('2024-01-10T02:00');
    expect(shown(london.next(utc('2024-01-10T02:00')))).toBe('2024-01-11T02:00');
    expect(shown(london.last(utc('2024-01-10T02:00')))).toBe('2024-01-10T02:00');
    expect(shown(london.last(utc('2024-01-10T01:59')))).toBe('2024-01-09T02:00');
    expect(shown(london.next(utc('2024-07-10T00:30')))).toBe('2024-07-10T01:00');
  });

  it('is 23 hours after the last when clocks go forward, and 25 when they go back', () => {
    const spring = london.last(utc('2024-03-30T12:00'));
    expect(london.next(spring) - spring).toBe(23 * 3_600_000);
    const autumn = london.last(utc('2024-10-26T12:00'));
    expect(london.next(autumn) - autumn).toBe(25 * 3_600_000);
  });

  it('at an hour that is skipped comes by the gap later, and at one that is repeated it comes once', () => {
    const half = nightly('01:30', 'Europe/London');
    expect(shown(half.next(utc('2024-03-30T12:00')))).toBe('2024-03-31T01:30');
    const first = half.next(utc('2024-10-26T12:00'));
    expect(shown(first)).toBe('2024-10-27T00:30');
    expect(shown(half.next(first))).toBe('2024-10-28T01:30');
  });

  it('is that of the zone, on either side of the date line', () => {
    expect(shown(nightly('00:15', 'Pacific/Auckland').next(utc('2024-06-10T11:00')))).toBe('2024-06-10T12:15');
    expect(shown(nightly('23:45', 'America/Los_Angeles').last(utc('2024-06-10T06:44')))).toBe('2024-06-09T06:45');
  });
});

describe('a cadence', () => {
  it('takes the zone of its source where it names none', () => {
    expect(cadenceOf({ nightly: { at: '02:00' } }, 'Europe/London', [])).toMatchObject({ timezone: 'Europe/London' });
    expect(cadenceOf({ nightly: { at: '02:00', timezone: 'Asia/Tokyo' } }, 'Europe/London', [])).toMatchObject({
      timezone: 'Asia/Tokyo',
    });
  });

  it.each([
    ['an unknown zone', { nightly: { at: '02:00', timezone: 'Mars/Base' } }, /IANA time zone/],
    ['no interval', { every: '0s' }, /above zero/],
  ])('refuses %s', (_, given, message) => {
    expect(() => cadenceOf(given, 'UTC', ['cadence'])).toThrow(ConfigProblem);
    expect(() => cadenceOf(given, 'UTC', ['cadence'])).toThrow(message);
  });

  it('is said in words, and says for how long nothing new may come', () => {
    const all = ['realtime', 'on-change', { every: '90m' }, { nightly: { at: '02:00' } }].map((each) =>
      cadenceOf(each, 'UTC', []),
    );
    expect(all.map((each) => cadenceInWords(each, formatDuration))).toEqual([
      'realtime',
      'on-change',
      'every 1h30m',
      'nightly at 02:00 UTC',
    ]);
    expect(all.map(longestGap)).toEqual([0, 0, 5_400_000, 90_000_000]);
  });
});
