import { setTimeout as delay } from 'node:timers/promises';
import { WRITE_KEY } from './workspace.ts';

/** A call of the Segment API. */
export type Call = Readonly<Record<string, unknown>> & { readonly messageId: string };

/** Wall time in milliseconds, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();

const authorization = `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}`;

/** Sends calls in one request; resolves when they are accepted: in Kafka, on all in-sync replicas. */
export async function send(gateway: string, batch: readonly Call[]): Promise<void> {
  const answer = await fetch(`${gateway}/v1/batch`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ batch }),
  });
  if (!answer.ok) throw new Error(`the gateway answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

/**
 * Calls `emit` with how many events are due, every ten milliseconds, for so many seconds; does not wait for what it returns, and
 * resolves when all of that has.
 */
export async function paced(rate: number, seconds: number, emit: (count: number) => Promise<void>): Promise<void> {
  const began = now();
  const under: Promise<void>[] = [];
  let sent = 0;
  while (now() - began < seconds * 1000) {
    const due = Math.floor(((now() - began) * rate) / 1000) - sent;
    if (due > 0) under.push(emit(due));
    sent += due;
    await delay(10);
  }
  await Promise.all(under);
}

/** Sends `count` calls as fast as the gateway takes them, `lanes` requests at a time of `size` calls. */
export async function flood(gateway: string, count: number, callOf: (i: number) => Call, lanes = 4, size = 200): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next += size;
      await send(
        gateway,
        Array.from({ length: Math.min(size, count - from) }, (_, i) => callOf(from + i)),
      );
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** What customers do, mixed: half looks, a quarter carts, a quarter orders, of which one in ten is large. */
export function mixedCall(i: number, customers: number): Call {
  const userId = `u${(i * 7919) % customers}`;
  const common = { type: 'track', messageId: `m${i}`, userId, timestamp: new Date().toISOString() };
  switch (i % 4) {
    case 0:
      return { ...common, event: 'Product Added', properties: { cart_id: `c${userId}`, product_id: `p${i % 500}`, price: 12.5 } };
    case 1:
      return {
        ...common,
        event: 'Order Completed',
        properties: { order_id: `o${i}`, cart_id: `c${userId}`, total: i % 40 === 1 ? 300 : i % 200, currency: 'EUR' },
      };
    default:
      return { ...common, event: 'Product Viewed', properties: { product_id: `p${i % 500}`, price: (i % 90) + 0.5 } };
  }
}

/** An order that puts a customer who is not yet there into the first segment. */
export function bigOrder(messageId: string, userId: string): Call {
  const properties = { order_id: messageId, total: 300, currency: 'EUR', products: [{ product_id: 'p1', quantity: 1 }] };
  return { type: 'track', event: 'Order Completed', messageId, userId, timestamp: new Date().toISOString(), properties };
}
