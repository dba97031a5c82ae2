import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { partitionFor } from '../../../runtime/partition.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import { basic, listen } from './fixture.ts';

let gw: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  gw = await listen();
});
afterEach(() => gw.gateway.stop(0));

const track = { event: 'Order Completed', userId: 'u-1', messageId: 'm-1' };

describe('the paths of the gateway', () => {
  it.each([
    ['track', { event: 'E' }],
    ['identify', { traits: { plan: 'a' } }],
    ['page', { name: 'Home' }],
    ['screen', { name: 'Home' }],
    ['group', { groupId: 'g' }],
    ['alias', { previousId: 'a' }],
  ])('take a %s call, fill in its type, and answer exactly 200 with an object', async (type, fields) => {
    for (const path of [`/v1/${type}`, `/v1/${type}/`, `/v1/${type.charAt(0)}`]) {
      const { status, body, headers } = await gw.post(path, { ...fields, userId: 'u-1' });
      expect([status, body]).toEqual([200, { success: true }]);
      expect(headers.get('content-type')).toMatch('application/json');
    }
    expect(gw.producer.records.map(({ message }) => message['type'])).toEqual([type, type, type]);
  });

  it.each(['/v1/batch', '/v1/b', '/v1/import', '/v1/import/'])('take a batch at %s', async (path) => {
    const batch = [
      { ...track, type: 'track' },
      { type: 'page', anonymousId: 'a-1', messageId: 'm-2' },
    ];
    expect(await gw.post(path, { batch, writeKey: 'WK' }, {})).toMatchObject({ status: 200, body: { success: true } });
    expect(gw.producer.records.map(({ message }) => message['messageId'])).toEqual(expect.arrayContaining(['m-1', 'm-2']));
  });

  it('answer 404 in the form of every error elsewhere', async () => {
    for (const path of ['/', '/v1', '/v1/m', '/v1/track/x', '/v1/constructor', '/v2/track']) {
      expect(await gw.post(path, track)).toMatchObject({
        status: 404,
        body: { code: 'not_found', message: expect.any(String) },
      });
    }
    expect((await fetch(`${gw.url}/v1/track`)).status).toBe(404);
    expect(await gw.post('/v1/%ff', track)).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });

  it('let browsers of any origin send, with the headers that the SDKs set', async () => {
    const preflight = await fetch(`${gw.url}/v1/t`, {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-headers': 'authorization,content-type' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-methods')).toBe('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization, content-type, x-retry-count');
    expect(Number(preflight.headers.get('access-control-max-age'))).toBeGreaterThan(0);
    for (const writeKey of ['WK', 'wrong']) {
      const { headers } = await gw.post('/v1/t', track, basic(writeKey));
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-expose-headers')).toBe('retry-after');
    }
  });
});

describe('a write key', () => {
  it('is taken from Basic authorization or from the body, and decides the source', async () => {
    expect((await gw.post('/v1/track', track, basic('WK'))).status).toBe(200);
    expect((await gw.post('/v1/track', { ...track, writeKey: 'old' }, {})).status).toBe(200);
    expect((await gw.post('/v1/batch', { batch: [{ ...track, type: 'track' }], writeKey: 'new' }, {})).status).toBe(200);
    expect(gw.producer.records.map(({ header }) => header('source'))).toEqual(['web', 'app', 'app']);
  });

  it('that nobody has, or that is missing, gets 401 and writes nothing', async () => {
    const unknown = { status: 401, body: { code: 'unknown_write_key', message: expect.any(String) } };
    expect(await gw.post('/v1/track', track, basic('nope'))).toMatchObject(unknown);
    expect(await gw.post('/v1/track', { ...track, writeKey: 'WK' }, basic('nope'))).toMatchObject(unknown);
    expect(await gw.post('/v1/track', { ...track, writeKey: 'nope' }, {})).toMatchObject(unknown);
    expect(await gw.post('/v1/track?writeKey=WK', track, {})).toMatchObject({
      status: 401,
      body: { code: 'missing_write_key' },
    });
    expect(await gw.post('/v1/track', { ...track, writeKey: 7 }, { authorization: 'Bearer WK' })).toMatchObject({ status: 401 });
    expect(gw.producer.batches).toEqual([]);
  });

  it('never reaches the topic', async () => {
    const batch = [{ ...track, type: 'track', writeKey: 'WK' }];
    await gw.post('/v1/b', { batch, writeKey: 'WK' }, {});
    await gw.post('/v1/t', { ...track, writeKey: 'WK' });
    expect(gw.producer.records).toHaveLength(2);
    expect(gw.producer.records.map(({ message }) => 'writeKey' in message)).toEqual([false, false]);
  });
});

describe('a body', () => {
  const json = JSON.stringify(track);
  const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'image/png'];

  it.each(types)('is read by its bytes, plain or compressed, when it is called %s', async (type) => {
    for (const encoding of [{}, { 'content-encoding': 'gzip' }]) {
      for (const bytes of [json, gzipSync(json), `\n ${json} \n`]) {
        expect((await gw.send('/v1/track', bytes, { ...basic('WK'), 'content-type': type, ...encoding })).status).toBe(200);
      }
    }
  });

  it('may come in chunks of unknown total length', async () => {
    const parts = gzipSync(json);
    const stream = new ReadableStream({
      start(controller) {
        for (const byte of parts) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const response = await fetch(`${gw.url}/v1/track`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: basic('WK'),
    });
    expect([response.status, await response.json()]).toEqual([200, { success: true }]);
  });

  it.each([
    ['nothing', '', 'empty_body'],
    ['half an object', '{"event":', 'invalid_body'],
    ['a list', '[]', 'invalid_body'],
    ['more than one object', '{}{}', 'invalid_body'],
    ['damaged gzip', gzipSync(json).fill(7, 12), 'invalid_body'],
    ['a name without a value', '{"event"}', 'invalid_body'],
    ['a comma too many', '{"event":"E",}', 'invalid_body'],
    ['an unknown word', '{"userId":"u","event":nothing}', 'invalid_event'],
    ['bytes that are not UTF-8', Buffer.from('7b226576656e74223a22ff227d', 'hex'), 'invalid_event'],
  ])('of %s gets 400', async (_, bytes, code) => {
    expect(await gw.send('/v1/track', bytes)).toMatchObject({ status: 400, body: { code, message: expect.any(String) } });
    expect(gw.producer.batches).toEqual([]);
  });

  it('without a batch at the path of batches gets 400 that says so', async () => {
    for (const body of [track, { batch: {} }, { batch: null }, { batch: 'x' }]) {
      expect(await gw.post('/v1/batch', body)).toMatchObject({
        status: 400,
        body: { code: 'invalid_batch', message: expect.stringMatching(/^batch: /) },
      });
    }
    expect(await gw.post('/v1/batch', { batch: [] })).toMatchObject({ status: 200, body: { success: true } });
  });
});

describe('a record', () => {
  it('has the opaque key of its primary identifier, the partition of that key, and the headers of its request', async () => {
    gw.clock.set(1_800_000_000_123);
    await gw.post('/v1/track', { ...track, email: 'x', sentAt: '2026-11-22T08:46:35.566142+00:00' });
    const [record] = gw.producer.records;
    const key = opaqueKey('secret', 'user_id', 'u-1');
    expect(record).toMatchObject({
      topic: 'dev.events.raw',
      key,
      partition: partitionFor(key, 4),
      message: { ...track, type: 'track' },
    });
    const headers = ['source', 'received-at', 'sent-at', 'hops', 'message-id'].map((name) => record?.header(name));
    expect(headers).toEqual(['web', '1800000000123', '2026-11-22T08:46:35.566Z', 'gateway=1800000000123', 'm-1']);
  });

  it('says nothing of the sender’s clock on a retry, or when the sender did not say', async () => {
    const sentAt = '2026-11-22T08:46:35Z';
    const batch = [{ ...track, type: 'track', sentAt: '2020-01-01T00:00:00Z' }];
    await gw.post('/v1/batch', { batch, sentAt }, { ...basic('WK'), 'x-retry-count': '0' });
    await gw.post('/v1/batch', { batch, sentAt }, { ...basic('WK'), 'x-retry-count': '1' });
    await gw.post('/v1/track', { ...track, sentAt: 'yesterday' });
    await gw.post('/v1/track', track);
    expect(gw.producer.records.map(({ header }) => header('sent-at'))).toEqual([
      '2026-11-22T08:46:35.000Z',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('carries the context and integrations of its batch, under its own', async () => {
    const batch = [
      { ...track, type: 'track' },
      { ...track, type: 'track', context: { ip: '1.1.1.1' }, integrations: { All: false } },
    ];
    await gw.post('/v1/import/', {
      batch,
      context: { library: { name: 'java' }, ip: '2.2.2.2' },
      integrations: { All: true, A: true },
    });
    expect(gw.producer.records.map(({ message }) => [message['context'], message['integrations']])).toEqual([
      [
        { library: { name: 'java' }, ip: '2.2.2.2' },
        { All: true, A: true },
      ],
      [
        { library: { name: 'java' }, ip: '1.1.1.1' },
        { All: false, A: true },
      ],
    ]);
  });

  it('finds its key in the context of the batch where the event names nobody', async () => {
    await gw.post('/v1/batch', { batch: [{ type: 'track', event: 'E' }], context: { traits: { email: ' A@B.example' } } });
    expect(gw.producer.records[0]?.key).toBe(opaqueKey('secret', 'email', 'a@b.example'));
  });

  it('without a message id gets the same one whenever the same body comes, and another in every other place', async () => {
    const { messageId: _, ...event } = { ...track, type: 'track' };
    const body = JSON.stringify({ batch: [event, event, { ...event, messageId: '' }] });
    await gw.send('/v1/batch', body);
    await gw.send('/v1/batch', gzipSync(body), { ...basic('WK'), 'x-retry-count': '1' });
    await gw.send('/v1/batch', body, basic('new'));
    const ids = gw.producer.records.map(({ message, header }) => [message['messageId'], header('message-id')]);
    expect(ids.every(([own, inHeader]) => own === inHeader)).toBe(true);
    expect(ids.slice(0, 3)).toEqual(ids.slice(3, 6));
    expect(new Set(ids.map(([own]) => own)).size).toBe(6);
  });

  it('is taken with its time in every form that SDKs write, and without one', async () => {
    const times = [
      '2026-11-22T08:46:22.549Z',
      '2026-11-22T08:46:17.322823+00:00',
      '2026-11-22T09:46:17+01:00',
      1_795_337_182_549,
      null,
    ];
    for (const timestamp of times) expect((await gw.post('/v1/track', { ...track, timestamp })).status).toBe(200);
    expect(gw.producer.records.map(({ message }) => message['timestamp'])).toEqual(times);
  });

  it('reads the empty lists that PHP sends as empty objects', async () => {
    const empty = { properties: [], context: [], integrations: [] };
    await gw.post('/v1/track', { ...track, ...empty });
    expect(gw.producer.records[0]?.message).toMatchObject({ properties: {}, context: {}, integrations: {} });
  });

  it('lies with those of its partition in one batch, in the order of the request', async () => {
    const batch = Array.from({ length: 100 }, (_, n) => ({
      ...track,
      type: 'track',
      userId: `u-${n % 10}`,
      messageId: `m-${n}`,
    }));
    await gw.post('/v1/batch', { batch });
    expect(gw.producer.batches.map(({ partition }) => partition)).toHaveLength(4);
    const { records } = gw.producer;
    for (const user of new Set(records.map(({ key }) => key))) {
      const sent = records.filter(({ key }) => key === user).map(({ message }) => Number(String(message['messageId']).slice(2)));
      expect(sent).toEqual([...sent].sort((a, b) => a - b));
    }
    expect(records).toHaveLength(100);
  });
});
