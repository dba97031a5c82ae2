import { setTimeout as delay } from 'node:timers/promises';

/** What the gateway answered. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Posts a call of the Segment specification, or a body as it is. */
export async function post(gateway: string, writeKey: string, call: string, body: object | string | Buffer): Promise<Answer> {
  const response = await fetch(`${gateway}/v1/${call}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** Sends the same again, for as long as it takes, until the answer is 200: nobody there, or no 200, promises nothing. */
export async function postUntilTaken(gateway: () => string, writeKey: string, call: string, body: object): Promise<void> {
  for (;;) {
    const answer = await post(gateway(), writeKey, call, body).catch(() => undefined);
    if (answer?.status === 200) return;
    await delay(100);
  }
}
