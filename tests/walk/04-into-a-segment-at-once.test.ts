/**
 * 4. Into a segment, at once.
 *
 * A segment is a file: a rule over what customers do. `evaluate-segments` keeps, per customer, just as much as the rules need,
 * and publishes every change of a membership on `segments.membership`, once, numbered per customer without gaps.
 *
 * "An order of 250 or more within the last day" can be decided as soon as the order is there: whatever else may still come
 * in cannot make it untrue. Such rules are monotone, and nobody waits for a clock.
 *
 * Each change carries its proof: the event that caused it, how far every source that the rule listens to had been seen, how
 * old its newest fact was, and when the event passed each hop. So what "real time" means is a figure in every decision.
 */
import { describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, walks } from '../support/walk.ts';

const openWalk = walks();
const ada = { userId: 'ada' };
const order = (id: string, total: number, more = {}): ReturnType<typeof track> =>
  track(ada, 'Order Completed', { order_id: id, total, currency: 'GBP', products: [] }, { messageId: id, ...more });

describe('a customer who places a big order', () => {
  it('is in the segment as soon as the order is there, before any clock has come that far', async () => {
    const walk = await openWalk();
    walk.at(0, order('o1', 300));
    await walk.driver.settle();
    expect(walk.watermarks.of('shop')).toBe(Number.NEGATIVE_INFINITY);
    expect(walk.changes()).toEqual(['entered big-basket at 0 (event)']);
  });

  it('has the event, the freshness of the sources and the time of each hop as proof', async () => {
    const walk = await openWalk();
    walk.at(0, identify(ada));
    await walk.settle();
    walk.at(10, order('o1', 300, { timestamp: new Date(at(10) - 40).toISOString() }));
    const { tasks } = walk.driver;
    for (const processor of ['tag-freshness', 'stitch-identity', 'customers']) {
      walk.driver.advance(5);
      await new Promise((resolve) => setImmediate(resolve));
      for (const task of tasks.filter(({ id }) => id.processor === processor)) await task.step();
    }
    const [record] = walk.driver.read(topics.segmentsMembership);
    expect(record?.headers['segment']?.toString()).toBe('big-basket');
    expect(record?.value).toMatchObject({
      customer: walk.customer('user_id', 'ada'),
      segment: 'big-basket',
      version: walk.workspace.segments.find(({ name }) => name === 'big-basket')?.version,
      change: 'entered',
      sequence: 1,
      effectiveAt: at(10) - 40,
      cause: { kind: 'event', messageId: 'o1', event: 'Order Completed', after: { topic: 'events.identified' } },
    });
    expect(record?.value.proof).toEqual({
      now: at(0) - 5_000,
      lagMs: 10 * 60_000 + 15 + 5_000,
      sources: [{ source: 'shop', watermark: at(0) - 5_000, asOf: at(10) - 40, ageMs: 0, status: 'lagging', link: null }],
      hops: [
        { hop: 'gateway', at: at(10), ms: 0 },
        { hop: 'tag-freshness', at: at(10) + 5, ms: 5 },
        { hop: 'stitch-identity', at: at(10) + 10, ms: 5 },
      ],
      tables: [],
    });
  });

  it('enters once, whatever is repeated, and with one number after the other', async () => {
    const walk = await openWalk();
    walk.at(0, order('o1', 300), order('o1', 300), order('o2', 400));
    walk.at(1, order('o2', 400));
    await walk.settle();
    const rows = walk.driver.read(topics.segmentsMembership).map(({ value }) => value);
    expect(rows.filter(({ segment }) => segment === 'big-basket')).toHaveLength(1);
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  it('is told apart from one whose orders are not big enough', async () => {
    const walk = await openWalk();
    walk.at(0, order('o1', 249.99), order('o2', 200));
    await walk.driver.settle();
    expect(walk.changes().filter((change) => change.includes('big-basket'))).toEqual([]);
  });
});
