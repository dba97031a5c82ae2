/**
 * 5. Absence that is true.
 *
 * "Put something into a cart and did not order within 30 minutes" is a claim about what did not happen. A timer cannot prove
 * it: perhaps the order has been placed and is still on its way. What can prove it is the stream of orders, seen up to the
 * end of the wait. So each source has a clock of its own: a watermark, the time up to which everything of it has been seen,
 * lateness included. It begins at the gateway (chapter 1), and each hop hands it on only when it has read up to there.
 *
 * The clock of a rule is the least of the clocks of its sources. It stands still when a source does. Then the decision waits;
 * a message too late is better than one that is wrong. When it comes, it says how far the source had been seen.
 *
 * What comes later than its source promised is not ignored: the membership is corrected, with the place of what was wrong.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
const ada = { userId: 'ada' };
const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
const order = (minutes: number): ReturnType<typeof track> =>
  track(ada, 'Order Completed', { order_id: 'o1', cart_id: 'c1', total: 20, products: [] }, { timestamp: iso(minutes) });
/** Changes of the segment that this chapter is about. */
const ofCart = (): string[] => walk.changes().filter((change) => change.includes('abandoned-cart'));

beforeEach(async () => {
  walk = await openWalk();
  walk.at(0, identify(ada, { email: 'ada@shop.example', first_name: 'Ada' }));
  walk.at(1, track(ada, 'Product Added', { cart_id: 'c1', product_id: 'p1' }));
  await walk.settle();
});

describe('a cart that is left', () => {
  it('is left when orders have been seen up to the end of the wait, and not when a clock on the wall says so', async () => {
    walk.at(31);
    await walk.settle();
    expect(walk.watermarks.of('shop')).toBe(at(31) - 5_000);
    expect(ofCart()).toEqual([]);

    walk.at(31.1);
    await walk.settle();
    const [change] = walk.read(topics.segmentsMembership);
    expect(change).toMatchObject({ segment: 'abandoned-cart', change: 'entered', effectiveAt: at(31), cause: { kind: 'timer' } });
    const now = at(31.1) - 5_000;
    expect(change?.proof).toMatchObject({
      now,
      lagMs: 5_000,
      sources: [{ source: 'shop', watermark: now, asOf: at(1), ageMs: now - at(1), status: 'fresh' }],
    });
    expect(walk.read(topics.activationsRequested)).toHaveLength(1);
  });

  it('is not left by a customer who orders in time, though the order comes in after the end of the wait', async () => {
    walk.at(31.05, order(30.99));
    await walk.settle();
    walk.at(120);
    await walk.settle();
    expect(ofCart()).toEqual([]);
    expect(walk.read(topics.activationsRequested).filter(({ segment }) => segment === 'abandoned-cart')).toEqual([]);
  });

  it('is not left as long as the wait begins anew', async () => {
    walk.at(20, track(ada, 'Product Removed', { cart_id: 'c1', product_id: 'p1' }));
    walk.at(45);
    await walk.settle();
    expect(ofCart()).toEqual([]);
    walk.at(51);
    await walk.settle();
    expect(ofCart()).toEqual(['entered abandoned-cart at 50 (timer)']);
  });
});

describe('a source that has stopped', () => {
  it('holds the decision, and is asked nothing of until it is back', async () => {
    walk.at(20);
    await walk.settle();
    await walk.watermarks.stopFeed();
    walk.at(600);
    await walk.settle();
    expect(walk.watermarks.of('shop')).toBe(at(20) - 5_000);
    expect(ofCart()).toEqual([]);

    walk.watermarks.feed();
    await walk.settle();
    expect(ofCart()).toEqual(['entered abandoned-cart at 31 (timer)']);
  });

  it('brings what it had not handed on, and the wait has not been in vain', async () => {
    walk.at(20);
    await walk.settle();
    await walk.watermarks.stopFeed();
    walk.at(600, order(25));
    walk.watermarks.feed();
    await walk.settle();
    expect(ofCart()).toEqual([]);
  });

  it('does not hold what needs no clock', async () => {
    await walk.watermarks.stopFeed();
    walk.at(5, track(ada, 'Order Completed', { order_id: 'o2', total: 500, products: [] }));
    await walk.settle();
    expect(walk.changes()).toContain('entered big-basket at 5 (event)');
  });
});

describe('an order that comes later than its source had promised', () => {
  it('corrects the membership, names what it corrects, and sends nothing', async () => {
    walk.at(40);
    await walk.settle();
    const [entered] = walk.read(topics.segmentsMembership);
    walk.read(topics.activationsRequested);
    walk.at(41, order(15));
    await walk.settle();
    const correction = walk.read(topics.segmentsMembership).find(({ segment }) => segment === 'abandoned-cart');
    expect(correction).toMatchObject({
      change: 'left',
      cause: { kind: 'correction', event: 'Order Completed', corrects: entered?.sequence },
    });
    expect(walk.read(topics.activationsRequested).filter(({ segment }) => segment === 'abandoned-cart')).toEqual([]);
  });
});
