import { describe, expect, it } from '@jest/globals';
import type { Delivery, Sink } from '../contract.ts';
import type { ActivationRequest } from '../../../schemas/generated/types.ts';
import { ManualTiming } from '../testing/manual-timing.ts';
import { withRateLimit } from './rate-limit.ts';
import { withRetry } from './retry.ts';

const sinkThat = (delivery: Delivery): Sink => ({ channel: 'test', onUnknown: 'skip', deliver: async () => delivery });
const request = {} as ActivationRequest;
const attempt = (sink: Sink, n: number): Promise<Delivery> =>
  sink.deliver(request, { signal: new AbortController().signal, attempt: n });

describe('withRetry', () => {
  const busy: Delivery = { kind: 'retry', reason: 'busy' };

  it('doubles the wait up to its maximum, spread between half and all of it', async () => {
    const waits = async (random: number): Promise<(number | undefined)[]> => {
      const sink = withRetry(sinkThat(busy), { baseMs: 100, maxMs: 1000, random: () => random });
      const deliveries = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => attempt(sink, n)));
      return deliveries.map((delivery) => (delivery.kind === 'retry' ? delivery.afterMs : undefined));
    };
    expect(await waits(1)).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(await waits(0)).toEqual([50, 100, 200, 400, 500, 500]);
  });

  it('waits longer when the receiver asks for it', async () => {
    const sink = withRetry(sinkThat({ ...busy, afterMs: 30_000 }), { baseMs: 100 });
    expect(await attempt(sink, 1)).toMatchObject({ kind: 'retry', afterMs: 30_000 });
  });

  it('gives up after its attempts, for a reason that is not permanent', async () => {
    const sink = withRetry(sinkThat(busy), { attempts: 3 });
    expect(await attempt(sink, 2)).toMatchObject({ kind: 'retry' });
    expect(await attempt(sink, 3)).toEqual({ kind: 'failed', reason: 'given up after 3 attempts: busy', permanent: false });
  });

  it('leaves other answers as they are', async () => {
    for (const delivery of [
      { kind: 'sent', reference: 'r' },
      { kind: 'failed', reason: 'no', permanent: true },
    ] as const) {
      expect(await attempt(withRetry(sinkThat(delivery)), 1)).toEqual(delivery);
    }
  });
});

describe('withRateLimit', () => {
  const sink = sinkThat({ kind: 'sent', reference: '' });

  it('spaces attempts out, and lets a burst through after a pause', () => {
    const timing = new ManualTiming();
    const limited = withRateLimit(sink, { perSecond: 10, burst: 3, timing });
    const admits = (n: number): (number | undefined)[] => Array.from({ length: n }, () => limited.admit?.());
    expect(admits(5)).toEqual([0, 0, 0, 100, 200].map((ms) => (ms === 0 ? expect.any(Number) : ms)));
    timing.advance(10_000);
    expect(admits(4).at(-1)).toBe(100);
  });

  it('respects a stricter limit inside', () => {
    const limited = withRateLimit({ ...sink, admit: () => 700 }, { perSecond: 10, timing: new ManualTiming() });
    expect(limited.admit?.()).toBe(700);
  });
});
