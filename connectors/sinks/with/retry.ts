import type { Delivery, Sink } from '../contract.ts';

export interface RetryOptions {
  /** Attempts in all; then a temporary failure is a failure. Default 12. */
  readonly attempts?: number;
  /** Wait after the first attempt, doubled after each; default 500. */
  readonly baseMs?: number;
  /** Longest wait; default 60,000. */
  readonly maxMs?: number;
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number;
}

/**
 * Backs off exponentially with full jitter between half and all of the wait, and gives up after `attempts`.
 * It only says when: the sink's task waits and records each attempt, so that a restart goes on counting.
 * A longer wait that the receiver asks for is obeyed.
 */
export function withRetry(sink: Sink, options: RetryOptions = {}): Sink {
  const { attempts = 12, baseMs = 500, maxMs = 60_000, random = Math.random } = options;
  return {
    ...sink,
    deliver: async (request, context): Promise<Delivery> => {
      const delivery = await sink.deliver(request, context);
      if (delivery.kind !== 'retry') return delivery;
      if (context.attempt >= attempts) {
        return { kind: 'failed', reason: `given up after ${context.attempt} attempts: ${delivery.reason}`, permanent: false };
      }
      const wait = Math.min(maxMs, baseMs * 2 ** (context.attempt - 1));
      const jittered = Math.round(wait * (0.5 + random() / 2));
      return { ...delivery, afterMs: Math.max(jittered, delivery.afterMs ?? 0) };
    },
  };
}
