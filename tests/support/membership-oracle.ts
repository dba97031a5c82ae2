/**
 * What the memberships of the example's six segments must be, computed plainly over a list of all events.
 * Written without the code of the pipeline, to be compared with it.
 */
export interface OracleEvent {
  readonly customer: string;
  readonly messageId: string;
  readonly event: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Waits of the example that its profiles change, milliseconds. */
export interface OracleTimes {
  readonly cartWait: number;
  readonly cartGivenUp: number;
  readonly lapsedAfter: number;
}

export interface OracleChange {
  readonly customer: string;
  readonly segment: string;
  readonly change: 'entered' | 'left';
  readonly at: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;
export const usualTimes: OracleTimes = { cartWait: 30 * minute, cartGivenUp: day, lapsedAfter: 60 * day };

interface Line {
  readonly sku: string;
  /** In millionths. */
  amount: number;
  readonly at: number;
}

const named = (events: readonly OracleEvent[], name: string): readonly OracleEvent[] =>
  events.filter((each) => each.event === name);
const orderIds = (events: readonly OracleEvent[]): ReadonlySet<unknown> =>
  new Set(named(events, 'Order Completed').flatMap(({ properties }) => properties['order_id'] ?? []));

function linesOf({ properties, occurredAt }: OracleEvent): Line[] {
  const products = Array.isArray(properties['products'])
    ? (properties['products'] as { sku?: unknown; price?: unknown; quantity?: unknown }[])
    : [];
  return products.flatMap(({ sku, price, quantity }) =>
    typeof price === 'number' && typeof quantity === 'number'
      ? [{ sku: typeof sku === 'string' ? sku : '', amount: Math.round(price * quantity * 1e6), at: occurredAt }]
      : [],
  );
}

/** What is left of each purchase once all refunds up to now are taken off, and the refunds that found too little within 30 days. */
function settle(events: readonly OracleEvent[]): {
  readonly purchases: readonly Line[];
  readonly unmatched: readonly OracleEvent[];
} {
  const purchases = named(events, 'Order Completed').flatMap(linesOf);
  const unmatched: OracleEvent[] = [];
  for (const refund of named(events, 'Order Refunded')) {
    let missing = 0;
    for (const { sku, amount } of linesOf(refund)) {
      if (sku === '') continue;
      let wanted = Math.abs(amount);
      for (const purchase of purchases.toReversed()) {
        if (purchase.sku !== sku || purchase.at > refund.occurredAt || purchase.at <= refund.occurredAt - 30 * day) continue;
        const taken = Math.min(wanted, Math.max(0, purchase.amount));
        purchase.amount -= taken;
        wanted -= taken;
      }
      missing += wanted;
    }
    if (missing > 0) unmatched.push(refund);
  }
  return { purchases, unmatched };
}

function cartLeft(events: readonly OracleEvent[], at: number, { cartWait, cartGivenUp }: OracleTimes): boolean {
  const carts = new Set(named(events, 'Product Added').map(({ properties }) => properties['cart_id']));
  return [...carts].some((cart) => {
    let touched: number | undefined;
    for (const { event, properties, occurredAt } of events) {
      const givenUp = touched !== undefined && occurredAt >= touched + cartWait + cartGivenUp;
      const mine = properties['cart_id'] === cart;
      if (event === 'Order Completed' && (mine || properties['cart_id'] === undefined)) touched = undefined;
      else if (event === 'Product Added' && mine) touched = occurredAt;
      else if (event === 'Product Removed' && mine && touched !== undefined && !givenUp) touched = occurredAt;
    }
    return touched !== undefined && at >= touched + cartWait && at < touched + cartWait + cartGivenUp;
  });
}

const rules: Readonly<Record<string, (events: readonly OracleEvent[], at: number, times: OracleTimes) => boolean>> = {
  'abandoned-cart': cartLeft,
  'big-basket': (events, at) =>
    named(events, 'Order Completed').some(
      ({ occurredAt, properties }) => Number(properties['total'] ?? 0) >= 250 && occurredAt > at - day,
    ),
  'first-time-buyers': (events) => orderIds(events).size === 1,
  'high-spenders': (events, at) => {
    const { purchases } = settle(events);
    return purchases.filter((line) => line.at > at - 30 * day).reduce((sum, { amount }) => sum + amount, 0) > 5000 * 1e6;
  },
  lapsed: (events, at, { lapsedAfter }) => {
    const last = named(events, 'Order Completed').at(-1);
    return last !== undefined && at >= last.occurredAt + lapsedAfter;
  },
  'repeat-buyers': (events, at) => orderIds(events.filter(({ occurredAt }) => occurredAt > at - 7 * day)).size >= 2,
};

export const oracleSegments: readonly string[] = Object.keys(rules);

function byCustomer(events: readonly OracleEvent[]): ReadonlyMap<string, readonly OracleEvent[]> {
  const groups = Map.groupBy(events, ({ customer }) => customer);
  for (const own of groups.values()) own.sort((a, b) => a.occurredAt - b.occurredAt || (a.messageId < b.messageId ? -1 : 1));
  return groups;
}

/** Segments of each customer at a time, sorted; customers of none are left out. Events may come in any order, but each once. */
export function membershipsAt(
  events: readonly OracleEvent[],
  at: number,
  times = usualTimes,
): ReadonlyMap<string, readonly string[]> {
  const memberships = new Map<string, readonly string[]>();
  for (const [customer, own] of byCustomer(events)) {
    const known = own.filter(({ occurredAt }) => occurredAt <= at);
    const held = oracleSegments.filter((segment) => rules[segment]?.(known, at, times) === true);
    if (held.length > 0) memberships.set(customer, held);
  }
  return memberships;
}

/** Every change up to a time, in order of time, customer and segment: at each moment at which one is possible, all is computed anew. */
export function changesUntil(events: readonly OracleEvent[], until: number, times = usualTimes): readonly OracleChange[] {
  const spans = [0, day, 7 * day, 30 * day, times.lapsedAfter, times.cartWait, times.cartWait + times.cartGivenUp];
  const changes: OracleChange[] = [];
  for (const [customer, own] of byCustomer(events)) {
    const moments = new Set(
      own.flatMap(({ occurredAt }) => spans.map((span) => occurredAt + span)).filter((moment) => moment <= until),
    );
    const held = new Set<string>();
    for (const at of [...moments].sort((a, b) => a - b)) {
      const known = own.filter(({ occurredAt }) => occurredAt <= at);
      for (const segment of oracleSegments) {
        const holds = rules[segment]?.(known, at, times) === true;
        if (holds === held.has(segment)) continue;
        changes.push({ customer, segment, change: holds ? 'entered' : 'left', at });
        if (holds) held.add(segment);
        else held.delete(segment);
      }
    }
  }
  return changes.sort(
    (a, b) => a.at - b.at || (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : a.segment < b.segment ? -1 : 1),
  );
}

/** Refunds for which the purchases of the 30 days before did not suffice. */
export function unmatchedRefunds(events: readonly OracleEvent[]): readonly OracleEvent[] {
  return [...byCustomer(events).values()].flatMap((own) => settle(own).unmatched);
}
