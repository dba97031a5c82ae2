import type { Response } from 'express';
import { aborted } from './read-body.ts';
import type { Refusal } from './refusal.ts';
import type { Accepted, RefusalWithLines } from './take-request.ts';

/**
 * Writes an answer in the one form that every SDK understands: success is exactly 200 with a JSON object (some resend on
 * 202 and 204, one stops on anything but JSON), an error has `code` and `message` (one resends for ever without them).
 * Returns the status; 499 when nobody is left to read it.
 */
export function answer(response: Response, result: Accepted | RefusalWithLines | typeof aborted): number {
  if (result === aborted) {
    response.destroy();
    return 499;
  }
  if (result.kind === 'accepted') {
    const { rejected, rejectedCount } = result;
    response.status(200).json({ success: true, ...(rejectedCount > 0 ? { rejected, rejectedCount } : {}) });
    return 200;
  }
  answerRefusal(response, result);
  return result.status;
}

export function answerRefusal(response: Response, refusal: RefusalWithLines | Refusal): void {
  const { status, code, message, retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
  response.status(status).json({ code, message, ...('rejected' in refusal ? { rejected: refusal.rejected } : {}) });
}
