/**
 * 1. An event comes in.
 *
 * A shop's page, app or server speaks the HTTP API of Segment, so any of its SDKs will do: only the host is changed. The
 * gateway finds the source by the write key, checks what it can check without knowing the shop, and writes the call as it
 * is to `events.raw`. The record's key is a keyed hash of the best identifier in the call; its headers say which source,
 * when it came in, and where it has been. None of these holds personal data. The answer is 200 only when the brokers have
 * acknowledged the record: whoever gets anything else still has the event and sends it again, which does no harm (chapter 3).
 *
 * The gateway also vouches for its sources. Up to the last request that it has answered, everything is in Kafka. What it
 * still holds in its hands it does not vouch for, and no clock passes it. Chapter 5 lives on this.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createGateway, type Gateway } from '../../connectors/sources/gateway/index.ts';
import { FreshetError } from '../../runtime/errors.ts';
import type { Producer } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { header } from '../../runtime/record.ts';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
let gateway: Gateway;
let url: string;
/** Called before each write; the brokers acknowledge no sooner than it resolves. */
let beforeWrite: () => Promise<void>;

beforeEach(async () => {
  walk = await openWalk();
  beforeWrite = async () => undefined;
  const { driver, workspace, sources, serdes } = walk;
  const kafka = driver.broker.client().producer();
  const producer: Producer = {
    send: async (batch, options) => {
      await beforeWrite();
      return await kafka.send(batch, options);
    },
    close: () => kafka.close(),
  };
  gateway = createGateway({
    sources,
    producer,
    partitions: driver.partitions,
    topicName: topics.eventsRaw.name,
    feed: walk.watermarks.feed(),
    clock: driver.clock,
    secret: workspace.secret,
    reject: async (rejected) => {
      const key = rejected.key ?? Buffer.from(rejected.topic);
      const records = [{ key, value: serdes.of(topics.eventsRejected).encode(rejected) }];
      await producer.send({ topic: topics.eventsRejected.name, partition: partitionFor(key, driver.partitions), records });
    },
  });
  ({ url } = await gateway.start({ host: '127.0.0.1' }));
});
afterEach(() => gateway.stop());

async function post(path: string, body: unknown, key = 'dev-shop-key'): Promise<{ status: number; body: unknown }> {
  const authorization = `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
  const response = await fetch(`${url}${path}`, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const visit = track({ anonymousId: 'browser-1' }, 'Product Viewed', { product_id: 'p1' }, { messageId: 'v1' });

describe('an event that comes in', () => {
  it('is answered once it lies in events.raw, under an opaque key and with the headers of its way', async () => {
    const answer = await post('/v1/identify', identify({ userId: 'ada' }, { email: 'ada@shop.example' }, { messageId: 'i1' }));
    expect(answer).toEqual({ status: 200, body: { success: true } });
    const [record] = walk.driver.read(topics.eventsRaw);
    expect(record?.key).toBe(walk.keyOf('user_id', 'ada'));
    expect(record?.partition).toBe(walk.partitionOf(walk.keyOf('user_id', 'ada')));
    expect(JSON.parse(String(record?.value))).toMatchObject({ type: 'identify', messageId: 'i1', userId: 'ada' });
    const headers = Object.fromEntries(
      Object.keys(record?.headers ?? {}).map((name) => [name, header(record?.headers ?? {}, name)]),
    );
    expect(headers).toEqual({
      source: 'shop',
      'received-at': String(at(0)),
      'message-id': 'i1',
      hops: `gateway=${at(0)}`,
    });
    expect(JSON.stringify([record?.key, headers])).not.toContain('ada');
  });

  it('is given back when the brokers are away, and taken when it is sent again', async () => {
    const away = new FreshetError('BROKER_UNAVAILABLE', 'no broker answers', { retryable: true });
    walk.driver.broker.failNext('send', away, { subject: topics.eventsRaw.name });
    expect(await post('/v1/track', visit)).toMatchObject({ status: 503, body: { code: 'kafka_unavailable' } });
    expect(walk.driver.read(topics.eventsRaw)).toEqual([]);
    walk.at(1);
    expect((await post('/v1/track', visit)).status).toBe(200);
    expect(walk.driver.read(topics.eventsRaw)).toHaveLength(1);
  });

  it('is refused without a write key that is known, and nothing of it is kept', async () => {
    expect(await post('/v1/track', visit, 'a guess')).toMatchObject({ status: 401, body: { code: 'unknown_write_key' } });
    expect([...walk.read(topics.eventsRaw), ...walk.read(topics.eventsRejected)]).toEqual([]);
  });

  it('is not lost to a bad one in the same batch, which is recorded with the field that is wrong', async () => {
    const nameless = { ...visit, event: '', messageId: 'v2' };
    const answer = await post('/v1/batch', { batch: [visit, nameless] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ success: true, rejectedCount: 1, rejected: [{ index: 1 }] });
    expect(walk.driver.read(topics.eventsRaw)).toHaveLength(1);
    const [rejected] = walk.read(topics.eventsRejected);
    expect(rejected).toMatchObject({ processor: 'gateway', step: 'validate', source: 'shop' });
    expect(rejected?.reason).toContain('event');
    expect(JSON.parse(String(rejected?.value))).toMatchObject({ messageId: 'v2' });
  });

  it('holds the clock of its source until it is answered', async () => {
    await walk.settle();
    const [inHand, slowBrokers] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    beforeWrite = () => {
      inHand.resolve();
      return slowBrokers.promise;
    };
    const answer = post('/v1/track', visit);
    await inHand.promise;
    walk.at(10);
    await walk.settle();
    expect(walk.watermarks.of('shop')).toBeLessThanOrEqual(at(0));
    slowBrokers.resolve();
    await answer;
    await walk.settle();
    expect(walk.watermarks.of('shop')).toBeGreaterThan(at(9));
  });
});
