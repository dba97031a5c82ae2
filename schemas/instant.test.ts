import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { instantParser } from './instant.ts';

const parse = instantParser('Europe/London');
const at = Date.UTC(2024, 6, 1, 12, 30, 15, 250);

describe('instantParser', () => {
  it.each<[string, unknown]>([
    ['a Z', '2024-07-01T12:30:15.250Z'],
    ['an offset', '2024-07-01T14:30:15.25+02:00'],
    ['an offset without a colon', '2024-07-01T07:00:15.250-0530'],
    ['microseconds', '2024-07-01T12:30:15.250999+00:00'],
    ['a space', '2024-07-01 12:30:15.250 UTC'],
    ['no zone: that of the source', '2024-07-01T13:30:15.250'],
    ['epoch milliseconds', at],
    ['a Date', new Date(at)],
  ])('reads an instant with %s', (_, value) => {
    expect(parse(value)).toBe(at);
  });

  it('reads days and minutes', () => {
    expect(parse('2024-01-02')).toBe(Date.UTC(2024, 0, 2));
    expect(parse('2024-01-02T03:04Z')).toBe(Date.UTC(2024, 0, 2, 3, 4));
  });

  it.each([
    '',
    'yesterday',
    '2024',
    '1719837015',
    '2024-02-30T00:00:00Z',
    '2024-13-01',
    '2024-01-01T25:00:00Z',
    '0001-01-01T00:00:00Z',
    1719837015,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    null,
    undefined,
    {},
    new Date(Number.NaN),
  ])('does not read %p', (value) => {
    expect(parse(value)).toBeUndefined();
  });

  it('reads back every instant that the platform writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2100, 0) }), (epoch) => parse(new Date(epoch).toISOString()) === epoch),
    );
  });
});
