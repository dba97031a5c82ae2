/**
 * 17. Who belongs.
 *
 * The topic of changes tells who enters and who leaves. Whoever comes late would have to read all of it, and it does not go back
 * for ever. So what a customer belongs to is told again on a compacted topic, in the same transaction as the change: one record
 * for each customer, with the sequence of his last change. Read to its end it is who belongs, and changes with a higher sequence
 * are what is new. A customer who has left everything keeps a record, for his sequence; one who has become another keeps none.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk({ sources: ['shop'] });
});

const idOf = (userId: string): string => customerId(walk.keyOf('user_id', userId));
const buy = (who: object, id: string, total: number): ReturnType<typeof track> =>
  track(who, 'Order Completed', { order_id: id, total, products: [{ sku: id, price: total, quantity: 1 }] });

/** The last record of each customer since the last time; null: he is no more. */
function told(): Map<string, unknown> {
  return new Map(walk.driver.read(topics.segmentsMembers).map(({ key, value }) => [key, value]));
}

/** Segments of each customer by the changes alone. */
function folded(): Map<string, { sequence: number; segments: Set<string> }> {
  const found = new Map<string, { sequence: number; segments: Set<string> }>();
  for (const { customer, segment, change, sequence } of walk.read(topics.segmentsMembership)) {
    const { segments } = found.get(customer) ?? { segments: new Set<string>() };
    if (change === 'entered') segments.add(segment);
    else segments.delete(segment);
    found.set(customer, { sequence, segments });
  }
  return found;
}

describe('what a customer belongs to', () => {
  it('is told with each of his changes: since when, and by which', async () => {
    walk.at(0, buy({ userId: 'ada' }, 'o1', 300));
    await walk.settle();
    walk.at(5);
    await walk.settle();
    const entered = { segment: 'big-basket', sequence: 1, since: at(0) };
    const first = { segment: 'first-time-buyers', sequence: 2, since: at(0) };
    const record = { customer: idOf('ada'), sequence: 2, segments: [entered, first], continueFrom: null };
    expect(told().get(idOf('ada'))).toEqual(record);
    walk.at(24 * 60 + 1);
    await walk.settle();
    expect(told().get(idOf('ada'))).toEqual({ ...record, sequence: 3, segments: [first] });
  });

  it('is not told again where nothing changes', async () => {
    walk.at(0, buy({ userId: 'ada' }, 'o1', 300));
    await walk.settle();
    walk.at(5);
    await walk.settle();
    expect(told().size).toBe(1);
    walk.at(6, track({ userId: 'ada' }, 'Product Viewed'));
    await walk.settle();
    expect(told().size).toBe(0);
  });

  it('is what all changes come to, also when the topic has been compacted', async () => {
    for (const [index, name] of ['ada', 'ben', 'cy', 'di'].entries()) {
      walk.at(index, buy({ userId: name }, `${name}-1`, 300), track({ userId: name }, 'Product Added', { cart_id: `${name}-c` }));
      if (index % 2 === 0) walk.at(index, buy({ userId: name }, `${name}-2`, 40));
    }
    await walk.settle();
    walk.at(40);
    await walk.settle();
    walk.at(25 * 60);
    await walk.settle();
    walk.driver.broker.compact(topics.segmentsMembers.name);
    const members = [...told()].map(([customer, value]) => {
      const { sequence, segments } = value as { sequence: number; segments: { segment: string }[] };
      return [customer, { sequence, segments: new Set(segments.map(({ segment }) => segment)) }] as const;
    });
    expect(members.length).toBe(4);
    expect(new Map(members)).toEqual(folded());
  });
});

describe('a visitor who turns out to be a customer', () => {
  it('is no more; what the customer enters by that is in her record', async () => {
    const visitor = customerId(walk.keyOf('anonymous_id', 'phone'));
    walk.at(0, buy({ anonymousId: 'phone' }, 'o1', 300));
    await walk.settle();
    walk.at(5);
    await walk.settle();
    expect(told().get(visitor)).toMatchObject({ sequence: 2 });
    walk.at(6, identify({ userId: 'ada', anonymousId: 'phone' }));
    await walk.settle();
    const after = told();
    expect(after.get(visitor)).toBeNull();
    expect(after.get(idOf('ada'))).toMatchObject({ segments: [{ segment: 'big-basket' }, { segment: 'first-time-buyers' }] });
  });
});
