import type { Sink, Timing } from '../contract.ts';

export interface RateLimitOptions {
  readonly perSecond: number;
  /** Attempts that may start at once after a pause; default 1. */
  readonly burst?: number;
  readonly timing: Timing;
}

/**
 * Spaces attempts out: in any window of t seconds at most `burst` + t × `perSecond` start (generic cell rate algorithm).
 * Each call of `admit` reserves the next free time, before the attempt is recorded, so waiting costs nothing of its lease.
 */
export function withRateLimit(sink: Sink, { perSecond, burst = 1, timing }: RateLimitOptions): Sink {
  const interval = 1000 / perSecond;
  let next = -Infinity;
  return {
    ...sink,
    admit: () => {
      const now = timing.monotonic();
      const slot = Math.max(next, now - (burst - 1) * interval);
      next = slot + interval;
      return Math.max(sink.admit?.() ?? 0, slot - now);
    },
  };
}
