import type { Fields, ShopEvent } from './shop-event.ts';

const [minute, day] = [60_000, 86_400_000];

interface Fact {
  readonly at: number;
  readonly event: string;
  readonly properties: Fields;
}

/** What a segment of the example roughly means, and when, after each of its events, its answer may change. */
interface Meaning {
  readonly of: readonly string[];
  readonly holds: (facts: readonly Fact[], at: number) => boolean;
  readonly after: readonly number[];
}

const orders = (facts: readonly Fact[]): Fact[] => facts.filter(({ event }) => event === 'Order Completed');
const within = (facts: readonly Fact[], from: number): Fact[] => facts.filter(({ at }) => at > from);
const totalOf = ({ properties }: Fact): number => Number(properties['total']);

const meanings: Readonly<Record<string, Meaning>> = {
  'high-spenders': {
    of: ['Order Completed', 'Order Refunded'],
    after: [30 * day],
    holds: (facts, at) => {
      const bought = within(orders(facts), at - 30 * day);
      const ids = new Set(bought.map(({ properties }) => properties['order_id']));
      const back = facts.filter(({ event, properties }) => event === 'Order Refunded' && ids.has(properties['order_id']));
      const sum = (of: readonly Fact[]): number => of.reduce((total, one) => total + totalOf(one), 0);
      return sum(bought) - sum(back) > 5000;
    },
  },
  'repeat-buyers': {
    of: ['Order Completed'],
    after: [7 * day],
    holds: (facts, at) => within(orders(facts), at - 7 * day).length >= 2,
  },
  'big-basket': {
    of: ['Order Completed'],
    after: [day],
    holds: (facts, at) => within(orders(facts), at - day).some((one) => totalOf(one) >= 250),
  },
  'first-time-buyers': { of: ['Order Completed'], after: [], holds: (facts) => orders(facts).length === 1 },
  lapsed: {
    of: ['Order Completed'],
    after: [14 * day],
    holds: (facts, at) => orders(facts).length > 0 && within(orders(facts), at - 14 * day).length === 0,
  },
  'abandoned-cart': {
    of: ['Order Completed', 'Product Added'],
    after: [30 * minute, day],
    holds: (facts, at) => {
      const last = new Map(
        facts.filter(({ event }) => event === 'Product Added').map((one) => [one.properties['cart_id'], one.at]),
      );
      const bought = new Set(orders(facts).map(({ properties }) => properties['cart_id']));
      return [...last].some(([cart, added]) => !bought.has(cart) && added <= at - 30 * minute && added > at - day);
    },
  },
};

export const segmentNames = Object.keys(meanings);

/** When customers enter and leave a segment of the example, roughly: without what they did before they said who they are. */
export function segmentChanges(
  events: Iterable<ShopEvent>,
  segment: string,
  until: number,
): readonly { readonly at: number; readonly change: 'entered' | 'left' }[] {
  const { of, holds, after } = meanings[segment] ?? { of: [], holds: () => false, after: [] };
  const customers = new Map<string, Fact[]>();
  for (const { at, who, call } of events) {
    if (!('userId' in who) || call.kind !== 'track' || !of.includes(call.event)) continue;
    const facts = customers.get(who.userId) ?? [];
    customers.set(who.userId, facts);
    facts.push({ at, event: call.event, properties: call.properties });
  }
  const changes: { at: number; change: 'entered' | 'left' }[] = [];
  for (const facts of customers.values()) {
    const times = new Set(facts.flatMap(({ at }) => [at, ...after.map((later) => at + later)]).filter((at) => at <= until));
    let member = false;
    for (const at of [...times].sort((a, b) => a - b)) {
      const now = holds(
        facts.filter((fact) => fact.at <= at),
        at,
      );
      if (now !== member) changes.push({ at, change: now ? 'entered' : 'left' });
      member = now;
    }
  }
  return changes;
}
