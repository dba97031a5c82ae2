import type { ShopEvent } from './shop-event.ts';

/** What a rule by the clock on the wall makes of carts when orders come late. */
export interface CartMails {
  /** Carts that it calls abandoned. */
  readonly said: number;
  /** Of these, ordered in time. */
  readonly wrong: number;
}

/**
 * A cart is abandoned when nothing is added, taken out or ordered for `waitMs`. The rule looks at the end of the wait, and knows of
 * orders only `lateMs` after they were placed.
 */
export function cartMailsByTheWall(events: Iterable<ShopEvent>, waitMs: number, lateMs: number): CartMails {
  const carts = new Map<unknown, { readonly changes: number[]; readonly orders: number[] }>();
  for (const { call, at } of events) {
    if (call.kind !== 'track' || call.properties['cart_id'] === undefined) continue;
    const cart = carts.get(call.properties['cart_id']) ?? { changes: [], orders: [] };
    carts.set(call.properties['cart_id'], cart);
    if (call.event === 'Product Added' || call.event === 'Product Removed') cart.changes.push(at);
    if (call.event === 'Order Completed') cart.orders.push(at);
  }
  let said = 0;
  let wrong = 0;
  for (const { changes, orders } of carts.values())
    for (const [index, from] of changes.entries()) {
      const due = from + waitMs;
      if ((changes[index + 1] ?? Number.POSITIVE_INFINITY) <= due) continue;
      const own = orders.filter((at) => at >= from && at <= due);
      if (own.some((at) => at + lateMs <= due)) continue;
      said += 1;
      if (own.length > 0) wrong += 1;
    }
  return { said, wrong };
}
