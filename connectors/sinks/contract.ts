import type { Clock } from '../../runtime/clock.ts';
import type { ActivationRequest } from '../../schemas/generated/types.ts';

/** What became of one attempt. A sink that does not know (time-out after the message was handed over) throws instead. */
export type Delivery =
  /** The receiver has taken it; `reference` is what the receiver knows it by. */
  | { readonly kind: 'sent'; readonly reference: string }
  /** Certainly not sent, and may work later; `afterMs` from now at the earliest. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** Certainly not sent, and will not be. `permanent`: the address or the message is at fault, not the way there. */
  | { readonly kind: 'failed'; readonly reason: string; readonly permanent: boolean };

export interface DeliveryContext {
  /** Aborted when the attempt has run out of time; whatever comes after that is not recorded as this attempt's outcome. */
  readonly signal: AbortSignal;
  /** Counts from 1 over the life of the request, across restarts. */
  readonly attempt: number;
}

/** What the channel wants done when a crash hides whether a message went out: it goes again under the same key, or not at all. */
export type OnUnknown = 'repeat' | 'skip';

/**
 * One channel to the outside. `deliver` sends one request, with an idempotency key derived from its id so that the
 * receiver can tell a repetition. Reasons hold no personal data. A throw means: nobody knows whether it was sent.
 */
export interface Sink {
  readonly channel: string;
  readonly onUnknown: OnUnknown;
  /** Milliseconds to wait before the next attempt may start; called once for each attempt, before it is recorded. */
  admit?(): number;
  deliver(request: ActivationRequest, context: DeliveryContext): Promise<Delivery>;
}

/** Wall time, a clock that never jumps, and waiting; injected so that tests move all three. Milliseconds. */
export interface Timing extends Clock {
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemTiming: Timing = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (ms <= 0 || signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    }),
};
