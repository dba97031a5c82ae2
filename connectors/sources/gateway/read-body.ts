import type { IncomingMessage } from 'node:http';
import type { Reservation } from './budget.ts';
import { busy, refuse, type Refusal } from './refusal.ts';

/** The sender hung up, or was cut off, before its last byte. */
export const aborted = Symbol('aborted');

/** What a chunk costs beside its bytes: a body in chunks of one byte takes hundreds of times its size. */
const chunkOverhead = 256;

/**
 * Reads the bytes of a body as they come, length stated or chunked. Beyond a limit it stops keeping them; Node lets the
 * rest run out behind the answer, so that the sender reads it instead of a reset. Every reservation given is charged.
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  reservations: readonly Reservation[],
): Promise<Buffer | Refusal | typeof aborted> {
  const tooLarge = refuse(413, 'body_too_large', `the body is larger than ${limit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(tooLarge);
  if (request.destroyed) return Promise.resolve(aborted);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Buffer | Refusal | typeof aborted): void => {
      request.off('data', keep).off('end', whole).off('close', gone).off('error', gone);
      request.on('error', () => {}).resume();
      resolve(result);
    };
    const keep = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) return settle(tooLarge);
      if (!reservations.every((one) => one.grow(chunk.length + chunkOverhead))) return settle(busy());
      chunks.push(chunk);
    };
    const whole = (): void => {
      for (const one of reservations) one.shrink(chunks.length * chunkOverhead);
      settle(Buffer.concat(chunks, size));
    };
    const gone = (): void => settle(aborted);
    request.on('data', keep).on('end', whole).on('close', gone).on('error', gone);
  });
}
