/**
 * 7. From a membership to a message.
 *
 * `plan-activations` lives in the customer's task, beside the segments: a change of membership and the message it causes are
 * one decision of one writer, written in one transaction. Each change gives at most one request, under an id that follows
 * from the change, so that nothing can make it two.
 *
 * What is not sent is written down as well. Every message withheld is on `activations.withheld` with the gate that held it
 * and the reason in words. Only what really happened just now sends: an event, or time that has passed. Loading history
 * changes memberships and sends nothing, nor does a replay, a correction or a merge; but they say what they would have sent.
 */
import { describe, expect, it } from '@jest/globals';
import type { ActivationWithheld } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, walks } from '../support/walk.ts';

const openWalk = walks();
const ada = { userId: 'ada' };
const known = { email: 'ada@shop.example', first_name: 'Ada' };
const order = (id: string, total = 300): ReturnType<typeof track> =>
  track(ada, 'Order Completed', { order_id: id, total, products: [] }, { messageId: id });
const withheldOf = (all: readonly ActivationWithheld[], segment: string): string[] =>
  all.filter((each) => each.segment === segment).map(({ gate, decision, reason }) => `${decision} by ${gate}: ${reason}`);

describe('a change of membership', () => {
  it('becomes a request with address, data, because and end of validity', async () => {
    const walk = await openWalk();
    walk.at(0, identify(ada, known));
    await walk.settle();
    walk.at(1, order('o1'));
    await walk.settle();
    const [change] = walk.read(topics.segmentsMembership);
    const requests = walk.driver.read(topics.activationsRequested);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.key).toBe(walk.keyOf('email', 'ada@shop.example'));
    expect(requests[0]?.value).toMatchObject({
      activation: 'big-basket-mail',
      channel: 'email',
      to: 'ada@shop.example',
      template: 'big-basket',
      data: '{"first_name":"Ada"}',
      membership: change?.id,
      cause: { kind: 'event', messageId: 'o1' },
      requestedAt: at(1),
      occurredAt: at(1),
      expiresAt: at(16),
    });
    expect(requests[0]?.value.reason).toMatch(
      /^Order Completed at 2030-01-01T10:01:00.000Z: the customer entered big-basket; shop/,
    );
  });

  it('takes the newest of what is known of the customer, whenever it came in', async () => {
    const walk = await openWalk();
    const old = identify(ada, { email: 'old@shop.example' }, { timestamp: new Date(at(-60)).toISOString() });
    walk.at(0, identify(ada, known), old, order('o1'));
    await walk.settle();
    expect(walk.read(topics.activationsRequested)[0]?.to).toBe('ada@shop.example');
  });

  it('is requested once for each time, however often its events are repeated', async () => {
    const walk = await openWalk();
    const day = 24 * 60;
    walk.at(0, identify(ada, known), order('o1'), order('o1'));
    await walk.settle();
    walk.at(1, order('o1'), order('o2'));
    walk.at(2 * day, order('o2'), order('o3'));
    await walk.settle();
    walk.at(2 * day + 1, order('o3'));
    await walk.settle();
    const requests = walk.read(topics.activationsRequested).filter(({ segment }) => segment === 'big-basket');
    expect(requests.map(({ cause }) => cause.messageId)).toEqual(['o1', 'o3']);
    expect(new Set(requests.map(({ id }) => id)).size).toBe(2);
  });
});

describe('a message that is withheld', () => {
  it('says so: nobody knows the address', async () => {
    const walk = await openWalk();
    walk.at(0, order('o1'));
    await walk.settle();
    expect(walk.read(topics.activationsRequested)).toEqual([]);
    expect(withheldOf(walk.read(topics.activationsWithheld), 'big-basket')).toEqual([
      'dropped by address: no address for email is known',
    ]);
  });

  it('says so: what is loaded is history, and only what comes after it is news', async () => {
    const walk = await openWalk({ sources: ['shop', 'shop-history'] });
    const past = (id: string, minutes: number): object => ({ ...order(id), timestamp: new Date(at(minutes)).toISOString() });
    walk.produce('shop-history', 'k1', {
      ...identify(ada, known, { messageId: 'i1' }),
      timestamp: new Date(at(-99)).toISOString(),
    });
    walk.produce('shop-history', 'k1', past('o1', -98));
    walk.watermarks.feed().state('shop-history', at(-1));
    walk.at(0);
    await walk.settle();
    expect(walk.changes()).toContain('entered big-basket at -98 (backfill)');
    expect(withheldOf(walk.read(topics.activationsWithheld), 'big-basket')).toEqual([
      'would-send by cause: the membership changed because history is being loaded, which sends no message',
    ]);

    walk.watermarks.feed().state('shop-history', Number.POSITIVE_INFINITY);
    walk.at(2 * 24 * 60);
    await walk.settle();
    walk.at(2 * 24 * 60 + 1, order('o2'));
    await walk.settle();
    expect(walk.read(topics.activationsRequested).map(({ cause }) => cause.messageId)).toContain('o2');
  });

  it('says so: a replay of an old export sends nothing, and counts what it would have sent', async () => {
    const walk = await openWalk({ sources: ['retail-csv'] });
    const row = {
      CustomerID: '12346.0',
      StockCode: '23166',
      Description: 'JAR',
      Quantity: '74215',
      UnitPrice: '1.04',
      Country: 'UK',
    };
    const invoice = (key: string, time: string, quantity = row.Quantity): void =>
      walk.produce('retail-csv', key, { key, rows: [{ ...row, Quantity: quantity, InvoiceNo: key, InvoiceDate: time }] });
    invoice('541431', '2011-01-18 10:01:00');
    invoice('C541433', '2011-01-18 10:17:00', '-74215');
    walk.watermarks.feed().state('retail-csv', Date.UTC(2011, 0, 19));
    walk.watermarks.feed().state('retail-csv', Number.POSITIVE_INFINITY);
    await walk.settle();
    const changes = walk.read(topics.segmentsMembership).filter(({ segment }) => segment === 'high-spenders');
    expect(changes.map(({ change, effectiveAt, cause }) => [change, effectiveAt, cause.kind])).toEqual([
      ['entered', Date.UTC(2011, 0, 18, 10, 1), 'replay'],
      ['left', Date.UTC(2011, 0, 18, 10, 17), 'replay'],
    ]);
    expect(walk.read(topics.activationsRequested)).toEqual([]);
    expect(withheldOf(walk.read(topics.activationsWithheld), 'high-spenders')).toEqual([
      'would-send by cause: the membership changed because it comes from a replay, which sends no message',
    ]);
  });
});
