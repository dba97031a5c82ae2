import { describe, expect, it } from '@jest/globals';
import { shopEvents } from './model.ts';
import { demoPace } from './pace.ts';
import { toMessage, type Fields, type ShopEvent } from './shop-event.ts';

const [minute, day] = [60_000, 86_400_000];
const start = Date.UTC(2026, 0, 5);
const weekOptions = { seed: 1, start, end: start + 7 * day, eventsPerSecond: 0.02 };
const week = [...shopEvents(weekOptions)];
const demoOptions = { seed: 1, start: start + 99 * day, end: start + 99 * day + 4 * minute, eventsPerSecond: 150 };
const demo = [...shopEvents({ ...demoOptions, pace: demoPace, registered: true })];

const nameOf = ({ call }: ShopEvent): string => (call.kind === 'track' ? call.event : call.kind);
const propertiesOf = ({ call }: ShopEvent): Fields => (call.kind === 'identify' ? call.traits : call.properties);
const named = (events: readonly ShopEvent[], name: string): ShopEvent[] => events.filter((event) => nameOf(event) === name);
const linesOf = (event: ShopEvent): readonly { readonly price: number; readonly quantity: number; readonly sku: string }[] =>
  propertiesOf(event)['products'] as [];
const quantile = (values: readonly number[], at: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(at * (values.length - 1))] ?? Number.NaN;
const byUser = (events: readonly ShopEvent[]): Map<string, ShopEvent[]> =>
  Map.groupBy(events, ({ who }) => ('userId' in who ? who.userId : ''));

describe('a count of the stock that fails', () => {
  it('breaks off among the articles that customers wait for, and does not say that it is whole', () => {
    const fails = [...shopEvents({ ...demoOptions, pace: demoPace, registered: true, countFails: () => true })];
    expect(named(fails, 'Wish Counted').length).toBe(4 * demoPace.wishes);
    expect([...named(fails, 'Stock Updated'), ...named(fails, 'Count Ended')]).toEqual([]);
  });
});

describe('a simulated shop', () => {
  it('does the same again for the same seed, and something else for another', () => {
    expect(JSON.stringify([...shopEvents(weekOptions)])).toBe(JSON.stringify(week));
    const other = [...shopEvents({ ...weekOptions, seed: 2 })];
    expect(other.map(nameOf)).not.toEqual(week.map(nameOf));
  });

  it.each([
    ['a week', week, weekOptions],
    ['minutes of the demo', demo, demoOptions],
  ])(
    'lives in the order of time, with an id for each call, and about as fast as asked: %s',
    (_, events, { start, end, eventsPerSecond }) => {
      expect(events.every(({ at }, index) => at >= (events[index - 1]?.at ?? start) && at < end)).toBe(true);
      expect(new Set(events.map(({ messageId }) => messageId)).size).toBe(events.length);
      const perSecond = events.filter(({ source }) => source === 'shop').length / ((end - start) / 1000);
      expect(perSecond / eventsPerSecond).toBeGreaterThan(0.85);
      expect(perSecond / eventsPerSecond).toBeLessThan(1.15);
    },
  );

  it('knows the same customers at another time, and uses no other id again', () => {
    const fields = (events: readonly ShopEvent[], of: (event: ShopEvent) => unknown): Set<unknown> =>
      new Set(events.map(of).filter((value) => value !== undefined));
    const shared = (of: (event: ShopEvent) => unknown): unknown[] => {
      const known = fields(week, of);
      return [...fields(demo, of)].filter((value) => known.has(value));
    };
    expect(shared(({ who }) => ('userId' in who ? who.userId : undefined)).length).toBeGreaterThan(20);
    expect(shared(({ messageId }) => messageId)).toEqual([]);
    for (const id of ['order_id', 'cart_id']) expect(shared((event) => propertiesOf(event)[id])).toEqual([]);
  });

  it('sells as the real shop does: lines of an order, what it costs, hours, refunds', () => {
    const orders = named([...shopEvents({ ...weekOptions, end: start + 14 * day, eventsPerSecond: 0.06 })], 'Order Completed');
    const lines = orders.map((order) => linesOf(order).length);
    const totals = orders.map((order) => Number(propertiesOf(order)['total']));
    // Of the real orders: 11, 30, and 45 lines; 289, 523 and 792 pounds.
    for (const [at, least, most] of [
      [0.5, 10, 19],
      [0.8, 26, 40],
      [0.9, 40, 60],
    ] as const) {
      expect(quantile(lines, at)).toBeGreaterThanOrEqual(least);
      expect(quantile(lines, at)).toBeLessThanOrEqual(most);
    }
    for (const [at, least, most] of [
      [0.5, 220, 380],
      [0.8, 450, 850],
      [0.9, 700, 1300],
    ] as const) {
      expect(quantile(totals, at)).toBeGreaterThan(least);
      expect(quantile(totals, at)).toBeLessThan(most);
    }
    const byDay = orders.filter(({ at }) => [10, 11, 12, 13, 14, 15].includes(new Date(at).getUTCHours()));
    expect(byDay.length / orders.length).toBeGreaterThan(0.7);
  });

  it('adds up: an order is the sum of its lines, and follows the cart that it names', () => {
    for (const order of named(week, 'Order Completed')) {
      const { cart_id, total, currency } = propertiesOf(order);
      expect(currency).toBe('GBP');
      expect(linesOf(order).reduce((sum, { price, quantity }) => sum + price * quantity, 0)).toBeCloseTo(Number(total), 2);
      const cart = week.filter((event) => event.at <= order.at && propertiesOf(event)['cart_id'] === cart_id);
      const skus = named(cart, 'Product Added').map((added) => propertiesOf(added)['sku']);
      expect(skus).toEqual(expect.arrayContaining(linesOf(order).map(({ sku }) => sku)));
    }
  });

  it('takes back only what was bought, from the same customer, some of it at once and whole', () => {
    const orders = new Map(named(week, 'Order Completed').map((order) => [propertiesOf(order)['order_id'], order]));
    const refunds = named(week, 'Order Refunded');
    expect(refunds.length).toBeGreaterThan(5);
    for (const refund of refunds) {
      const order = orders.get(propertiesOf(refund)['order_id']);
      expect(order?.at).toBeLessThan(refund.at);
      expect(order?.who).toMatchObject({ userId: 'userId' in refund.who && refund.who.userId });
      expect(order && linesOf(order)).toEqual(expect.arrayContaining([...linesOf(refund)]));
    }
  });

  it('has first buyers, repeat buyers, carts that stay behind and carts that are fetched later', () => {
    const orders = [...byUser(named(week, 'Order Completed')).values()].map((of) => of.length);
    expect(orders.filter((count) => count === 1).length).toBeGreaterThan(20);
    expect(orders.filter((count) => count > 1).length).toBeGreaterThan(10);
    const carts = new Set(named(week, 'Product Added').map((event) => propertiesOf(event)['cart_id']));
    const bought = new Set(named(week, 'Order Completed').map((event) => propertiesOf(event)['cart_id']));
    expect([...carts].filter((cart) => !bought.has(cart)).length).toBeGreaterThan(20);
    expect(named(week, 'Cart Viewed').length).toBeGreaterThan(3);
  });

  it('has people on one to three devices who come without a name and log in', () => {
    const devices = [...byUser(named([...week, ...demo], 'Signed In')).values()].map(
      (events) => new Set(events.map(({ who }) => who.anonymousId)).size,
    );
    expect([...new Set(devices)]).toEqual(expect.arrayContaining([1, 2, 3]));
    const joined = named(week, 'Signed In').filter(({ at, who }) =>
      week.some((event) => event.at < at && event.who.anonymousId === who.anonymousId && !('userId' in event.who)),
    );
    expect(joined.length).toBeGreaterThan(50);
  });

  it('writes to nobody real: every address ends in example.com or example.org, and belongs to one customer', () => {
    const mails = new Map<string, Set<unknown>>();
    for (const event of named([...week, ...demo], 'identify')) {
      const { email } = propertiesOf(event);
      expect(email).toMatch(/^[a-z0-9.-]+@example\.(com|org)$/);
      const owners = mails.get(String(email)) ?? new Set();
      mails.set(String(email), owners.add('userId' in event.who ? event.who.userId : undefined));
    }
    expect([...mails.values()].every((owners) => owners.size === 1)).toBe(true);
    const text = [...week, ...demo].map((event) => JSON.stringify(toMessage(event))).join('\n');
    expect(text.match(/@(?!example\.(com|org)")[a-z]/g)).toBeNull();
  });

  it.each([
    ['in a week', week, 10 * minute],
    ['in minutes of the demo', demo, minute],
  ])('has an account taken over %s: a log-in from a device never seen, then another address', (_, events, within) => {
    const changes = named(events, 'Address Changed');
    const thefts = changes.filter(({ at, who }) => {
      if (!('userId' in who)) return false;
      const before = events.filter((event) => event.at < at && 'userId' in event.who && event.who.userId === who.userId);
      const onDevice = before.filter((event) => event.who.anonymousId === who.anonymousId);
      const login = named(onDevice, 'identify')[0];
      const isKnown = before.some((event) => login !== undefined && event.at < login.at);
      const addresses = named(onDevice, 'identify').map((event) => JSON.stringify(propertiesOf(event)['address']));
      return isKnown && login !== undefined && at - login.at < within && new Set(addresses).size > 1;
    });
    expect(thefts.length).toBeGreaterThan(1);
    expect(thefts.length).toBeLessThan(changes.length);
  });

  it('counts its stock at one moment and tells it later, and tells a price when it changes', () => {
    const counts = named(demo, 'Stock Updated');
    const asOf = new Set(counts.map((count) => propertiesOf(count)['as_of']));
    expect(asOf.size).toBe(8);
    expect(counts.every(({ at, occurredAt }) => at - occurredAt >= 5000 && at - occurredAt < 9500)).toBe(true);
    const ends = named(demo, 'Count Ended');
    expect(new Set(ends.map((end) => propertiesOf(end)['as_of']))).toEqual(asOf);
    const counted = counts.map((count) => Number(propertiesOf(count)['quantity']));
    expect(Math.min(...counted)).toBeGreaterThanOrEqual(0);
    const wishes = named(demo, 'Wish Counted');
    expect(wishes.length).toBe(8 * demoPace.wishes);
    expect(new Set(wishes.map((wish) => Number(propertiesOf(wish)['quantity']) >= 10)).size).toBe(2);
    const prices = named(week, 'Price Changed');
    expect(prices.length).toBeGreaterThan(20);
    for (const { occurredAt, at } of prices) expect(at).toBe(occurredAt);
    expect(prices.every((change) => propertiesOf(change)['price'] !== propertiesOf(change)['previous_price'])).toBe(true);
  });
});
