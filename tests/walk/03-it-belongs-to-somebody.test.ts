/**
 * 3. It belongs to somebody.
 *
 * `stitch-identity` gives every event its customer, at once, and writes it to `events.identified` under the customer's id.
 * A visitor nobody knows is a customer too, named after the browser's id. When somebody logs in, the call carries both ids,
 * and the two customers become one: what the visitor did before belongs to the customer afterwards (chapter 9).
 *
 * Every identifier is a key of its own and lies in a partition of its own. They find each other by messages, so there is
 * no central graph; which customer goes on is decided by a fixed order of kinds, and so is the same whatever came first.
 *
 * Here a repetition is recognised: SDKs send again what was not acknowledged, under the same message id.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk();
});

const look = (anonymousId: string, messageId: string): ReturnType<typeof track> =>
  track({ anonymousId }, 'Product Viewed', { product_id: 'p1' }, { messageId });

/** Events by their customer, as `events.identified` tells them. */
const identified = (): (readonly [customer: string, messageId: string])[] =>
  walk.read(topics.eventsIdentified).flatMap(({ customer, event }) => (event === null ? [] : [[customer, event.messageId]]));

describe('an event and its customer', () => {
  it('come together at once: a visitor nobody knows is a customer named after the browser', async () => {
    walk.at(0, look('browser-1', 'v1'), look('browser-2', 'v2'));
    await walk.settle();
    expect(new Set(identified())).toEqual(
      new Set([
        [customerId(walk.keyOf('anonymous_id', 'browser-1')), 'v1'],
        [customerId(walk.keyOf('anonymous_id', 'browser-2')), 'v2'],
      ]),
    );
    expect(walk.read(topics.identityChanges).map(({ kind }) => kind)).toEqual(['created', 'created']);
  });

  it('stay together over partitions: a log-in makes the browser and the account one', async () => {
    const [browser, account] = [walk.keyOf('anonymous_id', 'phone'), walk.keyOf('user_id', 'ada')];
    expect(walk.partitionOf(browser)).not.toBe(walk.partitionOf(account));
    walk.at(0, look('phone', 'v1'));
    walk.at(1, identify({ userId: 'ada', anonymousId: 'phone' }));
    await walk.settle();
    walk.at(2, look('phone', 'v2'));
    await walk.settle();
    const ada = customerId(account);
    expect([walk.customer('anonymous_id', 'phone'), walk.customer('user_id', 'ada')]).toEqual([ada, ada]);
    expect(new Map(identified().map(([customer, id]) => [id, customer])).get('v2')).toBe(ada);
    const merged = walk.read(topics.identityChanges).filter(({ kind }) => kind === 'merged');
    expect(merged).toMatchObject([{ customer: ada, other: customerId(browser) }]);
  });

  it('are the same whichever of the devices was there first', async () => {
    for (const [minutes, device] of ['phone', 'laptop', 'tablet'].entries())
      walk.at(minutes, look(device, device), identify({ userId: 'ada', anonymousId: device }));
    await walk.settle();
    const owners = ['phone', 'laptop', 'tablet'].map((device) => walk.customer('anonymous_id', device));
    expect(owners).toEqual(Array.from({ length: 3 }, () => customerId(walk.keyOf('user_id', 'ada'))));
  });

  it('do not bring two accounts together that use one device: it belongs to whoever logged in last', async () => {
    walk.at(0, identify({ userId: 'ada', anonymousId: 'family-pc' }));
    walk.at(10, identify({ userId: 'bob', anonymousId: 'family-pc' }));
    await walk.settle();
    expect(walk.customer('user_id', 'ada')).not.toBe(walk.customer('user_id', 'bob'));
    expect(walk.customer('anonymous_id', 'family-pc')).toBe(walk.customer('user_id', 'bob'));
  });
});

describe('a repetition', () => {
  it('is dropped, whenever it comes and however it came in', async () => {
    walk.at(0, look('browser-1', 'v1'), look('browser-1', 'v1'));
    await walk.settle();
    walk.at(60, look('browser-1', 'v1'));
    await walk.settle();
    expect(identified()).toHaveLength(1);
  });

  it('is none if another event says the same', async () => {
    walk.at(0, look('browser-1', 'v1'), look('browser-1', 'v2'));
    await walk.settle();
    expect(identified()).toHaveLength(2);
  });
});
