/** Why there is no answer; `retryAfterMs` is what the other side asked for. The message holds nothing of question or answer. */
export class NoAnswer extends Error {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NoAnswer';
    this.retryAfterMs = retryAfterMs;
  }
}

/** The body of a response; one that breaks off or is larger than `most` bytes: NoAnswer. */
export async function wholeBody(response: Response, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > most) throw new NoAnswer(`the answer is larger than ${most} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof NoAnswer ? error : new NoAnswer('the answer broke off', undefined, { cause: error });
  }
  return Buffer.concat(chunks);
}

/** How long `Retry-After` asks to wait, milliseconds, given as seconds or as a date; an hour at most. Undefined: it does not say. */
export function retryAfter(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(3_600_000, Math.max(0, ms)) : undefined;
}
