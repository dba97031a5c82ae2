import { linesFields, type Line } from './catalogue.ts';
import type { Customer } from './people.ts';
import { linesPerRefund, refundDays, refundShare, wholeRefundShare } from './statistics.ts';
import type { World } from './world.ts';

/** An order of more than this, in pence, is taken back soon and whole. */
const giantPence = 800_000;

/** Decides whether something of an order comes back, what, and when. The shop itself tells of it, so no device is named. */
export function planRefund(world: World, at: number, customer: Customer, orderId: string, lines: readonly Line[]): void {
  const { random, pace } = world;
  const isGiant = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0) > giantPence;
  if (!isGiant && !random.chance(refundShare)) return;
  const delay = isGiant ? random.between(...pace.regret) : random.quantile(refundDays) * pace.day;
  const isWhole = isGiant || random.chance(wholeRefundShare);
  const back = isWhole ? lines : some(lines, Math.round(random.quantile(linesPerRefund)), world);
  world.later(at + Math.max(pace.pause, delay), (then) => {
    const properties = { order_id: orderId, ...linesFields(back) };
    const call = { kind: 'track', event: 'Order Refunded', properties } as const;
    world.tell({ at: then, occurredAt: then, source: 'shop', who: { userId: customer.userId }, context: {}, call });
  });
}

function some(lines: readonly Line[], count: number, { random }: World): readonly Line[] {
  const first = random.int(lines.length);
  return [...lines.slice(first), ...lines.slice(0, first)].slice(0, Math.max(1, count));
}
