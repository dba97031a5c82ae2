import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FreshetError } from './errors.ts';
import { guardPartitions } from './partition-guard.ts';

afterEach(() => {
  jest.useRealTimers();
});

describe('a guard of partitions', () => {
  it('tells once of a topic that has grown, is gone, or neither while the brokers are away', async () => {
    jest.useFakeTimers();
    const counts = new Map<string, number | undefined | Error>([
      ['raw', 4],
      ['tagged', 4],
    ]);
    const told: string[] = [];
    const stop = guardPartitions({
      admin: {
        partitions: async (topic) => {
          const count = counts.get(topic);
          if (count instanceof Error) throw count;
          return count;
        },
      },
      topics: ['raw', 'tagged'],
      partitions: 4,
      onMismatch: (topic, { code, message }) => void told.push(`${topic} ${code} ${message}`),
    });
    await jest.advanceTimersByTimeAsync(30_000);
    expect(told).toEqual([]);
    counts.set('raw', 6).set('tagged', new FreshetError('BROKER_UNAVAILABLE', 'away'));
    await jest.advanceTimersByTimeAsync(30_000);
    expect(told).toEqual([expect.stringMatching(/^raw TOPIC_MISMATCH topic raw has 6 partitions now, 4 are expected: see/)]);
    counts.set('tagged', undefined);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(told[1]).toMatch(/topic tagged is gone/);
    stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
