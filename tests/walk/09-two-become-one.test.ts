/**
 * 9. Two become one.
 *
 * A visitor filled a cart, then logged in. The visitor was a customer with a state of his own, and so was the account; now they
 * are one, and what the visitor did before counts. Whoever decides that they are one writes it between the events: an opening
 * where the account's events lie, a closing where the visitor's do. Each identifier that wrote events of the visitor seals
 * behind its last one. When all seals are there, no event for the visitor can follow. He leaves his segments with the cause
 * `merge`, hands his whole state over in one message, and is no more. Events are never moved.
 *
 * While the state is on its way no timer of either fires: neither knows all of it, and could say of a cart that nobody
 * ordered it. What the merge itself changes is told, with the cause `merge`, and sends nothing; what becomes true later sends
 * as ever, once.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { identify, inWords, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
let ada: string;
let visitor: string;
beforeEach(async () => {
  walk = await openWalk();
  ada = customerId(walk.keyOf('user_id', 'ada'));
  visitor = customerId(walk.keyOf('anonymous_id', 'phone'));
});

const fillCart = track({ anonymousId: 'phone' }, 'Product Added', { cart_id: 'c1', product_id: 'p1' });
const logIn = identify({ userId: 'ada', anonymousId: 'phone' }, { email: 'ada@shop.example', first_name: 'Ada' });
const buy = (who: object, id: string, price: number): ReturnType<typeof track> =>
  track(who, 'Order Completed', { order_id: id, total: price, products: [{ sku: id, price, quantity: 1 }] });

/** What happened to whom, in minutes from the start; `who` is ada or the visitor. */
function story(): string[] {
  const names = new Map([
    [ada, 'ada'],
    [visitor, 'visitor'],
  ]);
  return walk.read(topics.segmentsMembership).map((change) => `${names.get(change.customer)} ${inWords(change)}`);
}
const requested = (): string[] => walk.read(topics.activationsRequested).map(({ to, segment }) => `${segment} to ${to}`);

describe('what a visitor did before the log-in', () => {
  it('belongs to the customer: the cart that was left is hers, and so is the mail', async () => {
    expect(walk.partitionOf(ada)).not.toBe(walk.partitionOf(visitor));
    walk.at(0, fillCart);
    await walk.settle();
    walk.at(5, logIn);
    await walk.settle();
    expect(walk.driver.parts('customers', visitor)).toEqual(['~']);
    walk.at(31);
    await walk.settle();
    expect(story()).toEqual(['ada entered abandoned-cart at 30 (timer)']);
    expect(requested()).toEqual(['abandoned-cart to ada@shop.example']);
  });

  it('adds up with what she did elsewhere', async () => {
    walk.at(0, buy({ anonymousId: 'phone' }, 'o1', 3000), buy({ userId: 'ada' }, 'o2', 2500));
    walk.at(1);
    await walk.settle();
    expect(story().filter((line) => line.includes('high-spenders'))).toEqual([]);
    walk.at(2, logIn);
    await walk.settle();
    expect(story()).toContainEqual(expect.stringMatching(/^ada entered high-spenders at .* \(merge\)$/));
  });

  it('is undone by what she did elsewhere: an order on the laptop, and the cart on the phone is not left', async () => {
    walk.at(0, fillCart);
    walk.at(10, buy({ userId: 'ada' }, 'o1', 20));
    await walk.settle();
    walk.at(12, logIn);
    walk.at(60);
    await walk.settle();
    expect(story().filter((line) => line.includes('abandoned-cart'))).toEqual([]);
  });
});

describe('a customer who ends', () => {
  it('leaves the segments with the cause merge; the one who goes on enters them, and nobody is written to for that', async () => {
    walk.at(0, buy({ anonymousId: 'phone' }, 'o1', 300));
    await walk.settle();
    walk.at(1, logIn);
    await walk.settle();
    const told = story().filter((line) => line.includes('big-basket'));
    expect(told).toContain('visitor entered big-basket at 0 (event)');
    expect(told).toContainEqual(expect.stringMatching(/^visitor left big-basket at .* \(merge\)$/));
    expect(told).toContainEqual(expect.stringMatching(/^ada entered big-basket at .* \(merge\)$/));
    expect(requested().filter((line) => line.includes('big-basket'))).toEqual([]);
    const reasons = walk.read(topics.activationsWithheld).map(({ customer, gate }) => [customer, gate]);
    expect(reasons).toContainEqual([visitor, 'address']);
    expect(reasons).toContainEqual([ada, 'cause']);
  });

  it('leaves what she entered to her: time goes on counting from the event', async () => {
    walk.at(0, buy({ anonymousId: 'phone' }, 'o1', 300));
    walk.at(1, logIn);
    await walk.settle();
    walk.at(24 * 60 + 1);
    await walk.settle();
    expect(story()).toContain(`ada left big-basket at ${24 * 60} (timer)`);
  });

  it('has every event of his counted once, and none after his end', async () => {
    walk.at(0, fillCart, logIn, fillCart);
    for (let minutes = 1; minutes < 5; minutes++) walk.at(minutes, track({ anonymousId: 'phone' }, 'Product Viewed', {}));
    await walk.settle();
    const records = walk.read(topics.eventsIdentified);
    const markers = records.flatMap(({ marker }) => marker?.kind ?? []);
    expect(markers.sort()).toEqual(['closing', 'opening', 'sealed']);
    expect(new Set(records.flatMap(({ event }) => event?.messageId ?? [])).size).toBe(7);
    const own = records.filter(({ customer }) => customer === visitor);
    const seal = own.findIndex(({ marker }) => marker?.kind === 'sealed');
    expect(own.slice(seal).filter(({ event }) => event !== null)).toEqual([]);
    expect(walk.read(topics.eventsRejected)).toEqual([]);
  });
});

/** Only the task of the one who goes on gets to work: the other's is behind. */
async function stepHerTask(): Promise<void> {
  const hers = walk.driver.tasks.find(({ id }) => id.processor === 'customers' && id.partition === walk.partitionOf(ada));
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await hers?.step();
  }
}

describe('a state that comes when the clocks have long passed', () => {
  it('still tells what happened on the way: each time the cart was left, and a mail for each', async () => {
    walk.at(0, fillCart);
    walk.at(5, logIn);
    walk.at(40, fillCart);
    walk.at(26 * 60);
    await walk.settleBefore('customers');
    await walk.settle();
    expect(story()).toEqual([
      'ada entered abandoned-cart at 30 (timer)',
      'ada left abandoned-cart at 40 (event)',
      'ada entered abandoned-cart at 70 (timer)',
      `ada left abandoned-cart at ${70 + 24 * 60} (timer)`,
    ]);
    expect(requested()).toHaveLength(2);
  });

  it('finds nothing decided without it, though she goes on shopping while it is on its way', async () => {
    walk.at(0, fillCart);
    walk.at(5, logIn);
    walk.at(50);
    await walk.settleBefore('customers');
    await stepHerTask();
    walk.at(52, track({ userId: 'ada' }, 'Product Added', { cart_id: 'c2' }));
    await walk.settleBefore('customers');
    await stepHerTask();
    await walk.settle();
    expect(story()).toEqual(['ada entered abandoned-cart at 30 (timer)']);
    expect(requested()).toHaveLength(1);
  });
});

describe('customers who are linked over several steps', () => {
  it('are one in the end: browser, mail address, account and a second browser', async () => {
    walk.at(0, fillCart);
    walk.at(1, identify({ anonymousId: 'phone' }, { email: 'ada@shop.example' }));
    walk.at(2, identify({ anonymousId: 'tablet' }, { email: 'ada@shop.example' }));
    walk.at(3, identify({ userId: 'ada', anonymousId: 'tablet' }, { first_name: 'Ada' }));
    walk.at(31);
    await walk.settle();
    const kinds = [
      ['anonymous_id', 'phone'],
      ['anonymous_id', 'tablet'],
      ['email', 'ada@shop.example'],
      ['user_id', 'ada'],
    ] as const;
    expect(kinds.map(([kind, value]) => walk.customer(kind, value))).toEqual(kinds.map(() => ada));
    expect(story()).toEqual(['ada entered abandoned-cart at 30 (timer)']);
    expect(requested()).toEqual(['abandoned-cart to ada@shop.example']);
  });
});
