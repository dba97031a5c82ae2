import { describe, expect, it } from '@jest/globals';
import { wayTimes } from './way-times.ts';

const way = (...times: readonly (readonly [hop: string, ms: number])[]) => times.map(([hop, ms]) => ({ hop, at: 0, ms }));

describe('how long the way takes', () => {
  it('is told by hop, and the slowest is the one that is slow for the slowest twentieth', () => {
    const often = Array.from({ length: 9 }, () => way(['gateway', 5], ['stitch', 3]));
    const { hops, slowest } = wayTimes([...often, way(['gateway', 6], ['stitch', 900])], []);
    expect(hops).toEqual([
      { hop: 'gateway', count: 10, medianMs: 5, p95Ms: 6 },
      { hop: 'stitch', count: 10, medianMs: 3, p95Ms: 900 },
    ]);
    expect(slowest).toBe('stitch');
  });

  it('counts a hop once, whether a message came of the decision or not, and takes those behind it from the messages', () => {
    const sent = { occurredAt: 1000, at: 1500, hops: way(['gateway', 5], ['customers', 20], ['email-sink', 400]) };
    const times = wayTimes([way(['gateway', 5])], [sent, { ...sent, occurredAt: null }]);
    expect(times.hops.map(({ hop, count }) => [hop, count])).toEqual([
      ['gateway', 1],
      ['customers', 2],
      ['email-sink', 2],
    ]);
    expect(times).toMatchObject({ slowest: 'email-sink', message: { count: 1, medianMs: 500, p95Ms: 500 } });
  });

  it('is not known before there is a decision', () => {
    expect(wayTimes([], [])).toEqual({ hops: [], slowest: null, message: null });
  });
});
