import type { EnrichConfig } from '../../../schemas/config.ts';
import { NoAnswer, retryAfter, wholeBody } from '../http-answer.ts';
import type { CallOutcome } from './metrics.ts';

/**
 * `answer` null: the other side knows nothing of it. `again`: another call may help, after `afterMs` where it says so. `refused`: it
 * would not; `isOfKey`: others may be answered all the same.
 */
export type Called =
  | { readonly kind: 'answer'; readonly outcome: 'answered' | 'nothing'; readonly answer: unknown }
  | { readonly kind: 'again'; readonly outcome: CallOutcome; readonly why: string; readonly afterMs: number | undefined }
  | { readonly kind: 'refused'; readonly outcome: CallOutcome; readonly why: string; readonly isOfKey: boolean };

export type Call = (key: string, signal: AbortSignal) => Promise<Called>;

/** An answer may be so large. */
const MOST_BYTES = 64 * 1024;

/** Asks by HTTP about one key; nothing of the question or the answer is in what it says of a failure. Never rejects but by `signal`. */
export function caller({ url, headers, timeoutMs }: EnrichConfig, http: typeof fetch): Call {
  return async (key, signal) => {
    try {
      const response = await http(url.replaceAll('{key}', encodeURIComponent(key)), {
        headers: { accept: 'application/json', ...headers },
        // Credentials go to the address that was declared and to no other.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return await read(response);
    } catch (error) {
      signal.throwIfAborted();
      if (isTimeout(error))
        return { kind: 'again', outcome: 'late', why: `no answer within ${timeoutMs} ms`, afterMs: undefined };
      if (error instanceof NoAnswer) return { kind: 'refused', outcome: 'unusable', why: error.message, isOfKey: true };
      return { kind: 'again', outcome: 'failed', why: 'cannot be reached', afterMs: undefined };
    }
  };
}

async function read(response: Response): Promise<Called> {
  const { status } = response;
  const why = `answered with ${status}`;
  if (status !== 200) await response.body?.cancel();
  if (status === 204 || status === 404 || status === 410) return { kind: 'answer', outcome: 'nothing', answer: null };
  if (status === 429 || status >= 500)
    return { kind: 'again', outcome: status === 429 ? 'busy' : 'failed', why, afterMs: retryAfter(response) };
  if (status !== 200)
    return { kind: 'refused', outcome: 'refused', why, isOfKey: status === 400 || status === 414 || status === 422 };
  const bytes = await wholeBody(response, MOST_BYTES);
  try {
    const answer: unknown = JSON.parse(bytes.toString('utf8'));
    return { kind: 'answer', outcome: answer === null ? 'nothing' : 'answered', answer };
  } catch {
    return { kind: 'refused', outcome: 'unusable', why: 'the answer is not JSON', isOfKey: true };
  }
}

/** Also where the time was over in the middle of the body. */
function isTimeout(error: unknown): boolean {
  const { name, cause } = (error ?? {}) as { readonly name?: unknown; readonly cause?: unknown };
  return name === 'TimeoutError' || (cause !== undefined && isTimeout(cause));
}
