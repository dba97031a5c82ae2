import type { Cluster } from './cluster.ts';
import { asProtocolError } from './protocol-error.ts';
import type { ProtocolError } from './protocol-error.ts';

export interface RetryOptions {
  /** Time after which the last error is thrown, as of `performance.now()`. */
  readonly deadline: number;
  readonly firstMs?: number;
  readonly maxMs?: number;
  /** Decides in place of `error.retriable`. */
  readonly retriable?: (error: ProtocolError) => boolean;
  /** Called before each further attempt. */
  readonly onRetry?: (error: ProtocolError, attempt: number) => void;
}

export function deadlineIn(ms: number): number {
  return performance.now() + ms;
}

/** Exponential pause, without jitter: 0, 1, 2 … attempts have failed before this one. */
export function pause(failures: number, firstMs: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, 20), maxMs);
}

/** Runs `attempt` until it succeeds or fails for good; pauses grow from `firstMs` to `maxMs`. Ends when the client closes. */
export async function retrying<T>(cluster: Cluster, options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { deadline, firstMs = 50, maxMs = 1_000, retriable = (error) => error.retriable } = options;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const failure = asProtocolError(error);
      const wait = pause(failures, firstMs, maxMs);
      if (cluster.isClosed || !retriable(failure) || performance.now() + wait > deadline) throw error;
      options.onRetry?.(failure, failures + 1);
      await cluster.sleep(wait);
    }
  }
}
