/**
 * 2. It is tagged.
 *
 * `tag-freshness` turns what a source sent into the one form that everybody behind it reads: who, what, when it happened,
 * and as of when its source vouches for it. Sources with rules have their records transformed; those without speak the
 * Segment specification. The hop keeps no state, so it cannot be wrong about the past.
 *
 * Of the time it believes the source, but not blindly. A device whose clock is off says so by its `sentAt`, and is put right
 * by the difference. Nothing has happened in the future: such an event is set to the time at which the brokers got it, and a
 * flag tells. Received is not fresh: an event is as old as its source says, however late it comes in.
 *
 * What cannot be used is not dropped and stops nobody. It goes to `events.rejected` with the step that failed, the field, what
 * was expected, the bytes as they came, and where they lay: enough to repair and replay it.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk();
});

const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
const visit = (timestamp?: string, messageId = 'm'): ReturnType<typeof track> =>
  track({ anonymousId: 'browser-1' }, 'Product Viewed', { product_id: 'p1' }, { messageId, ...(timestamp && { timestamp }) });

describe('an event in the common form', () => {
  it('says who, what and when, in one form for every source', async () => {
    walk.at(1, track({ userId: 'ada', anonymousId: 'browser-1' }, 'Order Completed', { order_id: 'o1', total: 12 }));
    await walk.settle();
    const [record] = walk.driver.read(topics.eventsTagged);
    expect(record?.key).toBe(walk.keyOf('user_id', 'ada'));
    expect(record?.value).toMatchObject({
      source: 'shop',
      type: 'track',
      event: 'Order Completed',
      occurredAt: at(1),
      receivedAt: at(1),
      asOf: at(1),
      properties: '{"order_id":"o1","total":12}',
      mode: 'live',
      origin: { topic: 'events.raw', partition: walk.partitionOf(record?.key ?? '') },
    });
    expect(record?.headers['hops']?.toString()).toBe(`gateway=${at(1)};tag-freshness=${at(1)}`);
  });

  it('has its identifiers normalised, the best one first', async () => {
    walk.at(0, identify({ anonymousId: 'browser-1' }, { email: '  Ada@Shop.Example ', phone: '+44 20 7946 0000' }));
    await walk.settle();
    expect(walk.read(topics.eventsTagged)[0]?.identifiers).toEqual([
      { kind: 'email', value: 'ada@shop.example' },
      { kind: 'phone', value: '+442079460000' },
      { kind: 'anonymous_id', value: 'browser-1' },
    ]);
  });

  it('is made by the rules of its source, where it has some', async () => {
    const properties = { product_id: 'p1', price: 3, currency: 'GBP' };
    walk.send(track({ anonymousId: 'till' }, 'Price Changed', properties), { source: 'prices' });
    await walk.settle();
    expect(walk.read(topics.eventsTagged)[0]).toMatchObject({
      source: 'prices',
      identifiers: [{ kind: 'product', value: 'p1' }],
    });
  });
});

describe('the time of an event', () => {
  it('is that of the source, however late it comes in', async () => {
    walk.at(50, visit(iso(1)));
    await walk.settle();
    expect(walk.read(topics.eventsTagged)[0]).toMatchObject({ occurredAt: at(1), receivedAt: at(50), asOf: at(1), flags: [] });
  });

  it('is put right by as much as the clock of the device is off', async () => {
    walk.at(10);
    walk.send(visit(iso(129)), { sentAt: at(130) });
    await walk.settle();
    expect(walk.read(topics.eventsTagged)[0]).toMatchObject({ occurredAt: at(9), flags: ['skew-corrected'] });
  });

  it('is never in the future: it is clamped, flagged, and moves no clock', async () => {
    walk.at(10, visit(iso(600)));
    await walk.settle();
    const [event] = walk.read(topics.eventsTagged);
    expect(event).toMatchObject({ flags: ['future-clamped'] });
    expect(event?.occurredAt).toBeLessThanOrEqual(at(10) + 5_000);
    expect(walk.watermarks.of('shop')).toBeLessThanOrEqual(at(10));
  });
});

describe('what cannot be used', () => {
  it('goes to events.rejected with its reason and its bytes, and the next event goes on', async () => {
    const { broker } = walk.driver;
    const headers = { source: Buffer.from('shop') };
    const bytes = Buffer.from('{"type":"track"');
    for (const [partition, value] of [bytes, Buffer.from([0xff, 0, 1])].entries())
      broker.append(topics.eventsRaw.name, partition, [{ key: null, value, headers }]);
    walk.at(0, track({ anonymousId: 'browser-1' }, 'Product Viewed', {}, { timestamp: 'yesterday' }), visit());
    await walk.settle();
    expect(walk.read(topics.eventsTagged)).toHaveLength(1);
    const rejected = walk.read(topics.eventsRejected);
    expect(rejected.map(({ step }) => step).sort()).toEqual(['decode', 'decode', 'validate']);
    expect(rejected.find(({ step }) => step === 'validate')?.reason).toMatch(/^timestamp: expected/);
    expect(rejected.find(({ value }) => value?.equals(bytes))).toMatchObject({
      topic: 'events.raw',
      partition: 0,
      offset: 0,
      processor: 'tag-freshness',
      source: 'shop',
    });
  });

  it('is a record of a source that nobody declared', async () => {
    walk.send(visit(), { source: 'somebody' });
    await walk.settle();
    expect(walk.read(topics.eventsRejected)[0]?.reason).toContain('header source');
  });
});
