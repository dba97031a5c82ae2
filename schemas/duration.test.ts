import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ConfigProblem } from './config.ts';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['5s', 5000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([['5'], ['s'], [''], ['-5s'], ['5 s'], ['5y'], [5], [null], [undefined], ['1..5s'], ['9999999999999999w']])(
    'refuses %p and says where',
    (value) => {
      const parse = (): number => parseDuration(value, ['lateness']);
      expect(parse).toThrow(ConfigProblem);
      expect(parse).toThrow(/expected a duration such as/);
    },
  );

  it('reads back whatever formatDuration writes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});
