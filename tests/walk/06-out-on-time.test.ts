/**
 * 6. Out on time, with no event.
 *
 * "Within the last 30 days" is true of a customer until it is not, and nothing needs to happen for that. Every rule can be
 * asked when it changes next if nothing more comes; that moment is a timer, and it fires when the clocks of the sources are
 * there. So members leave on time, each at a time of his own, and no job has to look for them at night.
 *
 * A timer is only a hint of where to look. What counts is the state: an order in between moves the moment, and a timer that
 * comes too early finds nothing to do.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk();
});

const ada = { userId: 'ada' };
const hours = 60;
const days = 24 * hours;
const buy = (amount: number, id: string): ReturnType<typeof track> => {
  const products = [{ sku: id, price: amount, quantity: 1 }];
  return track(ada, 'Order Completed', { order_id: id, total: amount, products });
};
const of = (segment: string): string[] => walk.changes().filter((change) => change.includes(segment));

describe('a member whose time is over', () => {
  it('leaves at that moment, because time has passed', async () => {
    walk.at(0, buy(300, 'o1'));
    await walk.settle();
    walk.at(24 * hours);
    await walk.settle();
    expect(of('big-basket')).toEqual(['entered big-basket at 0 (event)']);
    walk.at(24 * hours + 1);
    await walk.settle();
    expect(of('big-basket')).toEqual([`left big-basket at ${24 * hours} (timer)`]);
  });

  it('stays for as long as another event keeps the rule true', async () => {
    walk.at(0, buy(300, 'o1'));
    walk.at(23 * hours, buy(400, 'o2'));
    walk.at(26 * hours);
    await walk.settle();
    expect(of('big-basket')).toEqual(['entered big-basket at 0 (event)']);
    walk.at(48 * hours);
    await walk.settle();
    expect(of('big-basket')).toEqual([`left big-basket at ${47 * hours} (timer)`]);
  });

  it('leaves when the sum of a window sinks, purchase by purchase', async () => {
    walk.at(0, buy(3000, 'o1'));
    walk.at(10 * days, buy(2500, 'o2'));
    walk.at(10 * days + 1);
    await walk.settle();
    expect(of('high-spenders')).toEqual([`entered high-spenders at ${10 * days} (event)`]);
    walk.at(60 * days + 1);
    await walk.settle();
    expect(of('high-spenders')).toEqual([`left high-spenders at ${30 * days} (timer)`]);
  });

  it('is given up on: a cart that was left yesterday is left no more', async () => {
    walk.at(0, track(ada, 'Product Added', { cart_id: 'c1' }));
    walk.at(30 + 24 * hours + 1);
    await walk.settle();
    expect(of('abandoned-cart')).toEqual([
      'entered abandoned-cart at 30 (timer)',
      `left abandoned-cart at ${30 + 24 * hours} (timer)`,
    ]);
  });

  it('gets no message for that: only entering was to send one', async () => {
    walk.at(0, identify(ada, { email: 'ada@shop.example' }), buy(300, 'o1'));
    walk.at(1);
    await walk.settle();
    expect(walk.read(topics.activationsRequested).map(({ segment }) => segment)).toContain('big-basket');
    walk.at(25 * hours);
    await walk.settle();
    expect(of('big-basket').at(-1)).toContain('left');
    expect(walk.read(topics.activationsRequested)).toEqual([]);
  });
});

describe('a customer who has long bought nothing', () => {
  it('is in a segment by that alone, to the minute, and out again with the next order', async () => {
    walk.at(0, buy(10, 'o1'));
    walk.at(60 * days + 5);
    await walk.settle();
    expect(of('lapsed')).toEqual([`entered lapsed at ${60 * days} (timer)`]);
    walk.at(61 * days, buy(10, 'o2'));
    walk.at(61 * days + 1);
    await walk.settle();
    expect(of('lapsed')).toEqual([`left lapsed at ${61 * days} (event)`]);
  });
});
