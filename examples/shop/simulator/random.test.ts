import { describe, expect, it } from '@jest/globals';
import { seededRandom } from './random.ts';
import { TimeQueue } from './time-queue.ts';

describe('a seeded stream', () => {
  it('is the same for the same seed and another for any other', () => {
    const draw = (...seed: (string | number)[]): number[] => {
      const random = seededRandom(...seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(draw('shop', 1)).toEqual(draw('shop', 1));
    expect(new Set([draw('shop', 1), draw('shop', 2), draw('shop', 11), draw('shop1', 1)].map(String)).size).toBe(4);
  });

  it('is even, and follows the quantiles and the weights it is given', () => {
    const random = seededRandom(7);
    const times = 20_000;
    const draws = Array.from({ length: times }, () => random.next());
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    expect(draws.reduce((sum, one) => sum + one, 0) / times).toBeCloseTo(0.5, 1);
    const values = Array.from({ length: times }, () => random.quantile([1, 3, 100]));
    expect(values.filter((value) => value < 3).length / times).toBeCloseTo(0.5, 1);
    const chosen = Array.from({ length: times }, () => random.weighted({ often: 9, seldom: 1, never: 0 }));
    expect(chosen.filter((one) => one === 'often').length / times).toBeCloseTo(0.9, 1);
    expect(chosen).not.toContain('never');
  });
});

describe('the queue of what is to come', () => {
  it('gives what was put in by time, and at equal times in the order in which it came', () => {
    const queue = new TimeQueue<string>();
    const random = seededRandom(3);
    const times = Array.from({ length: 500 }, () => random.int(50));
    for (const [index, at] of times.entries()) queue.push(at, `${String(at).padStart(2, '0')}/${String(index).padStart(3, '0')}`);
    const out = Array.from({ length: 500 }, () => queue.pop() ?? '');
    expect(out).toEqual(out.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(queue.pop()).toBeUndefined();
    expect(queue.nextAt).toBe(Infinity);
  });
});
