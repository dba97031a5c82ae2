import { setTimeout as delay } from 'node:timers/promises';
import { FreshetError } from '../runtime/errors.ts';

export interface PatienceOptions {
  /** Told before each further attempt what is not there. */
  readonly onWait: (reason: string) => void;
  readonly signal?: AbortSignal;
  readonly firstMs?: number;
  readonly mostMs?: number;
}

/** Tries until it succeeds, for as long as what fails may succeed later: brokers and registry that are away. Pauses grow to ten seconds. */
export async function patiently<T>(attempt: () => Promise<T>, options: PatienceOptions): Promise<T> {
  const { onWait, signal, firstMs = 500, mostMs = 10_000 } = options;
  for (let pause = firstMs; ; pause = Math.min(pause * 2, mostMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof FreshetError && error.retryable) || signal?.aborted) throw error;
      onWait(error.message);
      await delay(pause, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (signal?.aborted) throw error;
    }
  }
}
