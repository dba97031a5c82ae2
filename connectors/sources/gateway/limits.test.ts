import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FreshetError } from '../../../runtime/errors.ts';
import { listen } from './fixture.ts';
import { defaultLimits, gatewayLimits } from './limits.ts';

const good = { type: 'track', event: 'E', userId: 'u-1', messageId: 'good' };
const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
const many = (keys: number): object => Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n]));
const withProperties = (json: string): string =>
  JSON.stringify({ ...good, properties: 0 }).replace('"properties":0', `"properties":${json}`);

const broken: readonly [what: string, event: string, field: string, message: RegExp][] = [
  ['larger than 32 kB', JSON.stringify({ ...good, properties: { a: 'x'.repeat(32_768) } }), '', /has \d+ bytes, at most 32768/],
  ['nested too deeply', JSON.stringify({ ...good, properties: nested(32) }), '', /deeper than 32/],
  ['of too many keys', JSON.stringify({ ...good, properties: many(1000) }), '', /at most 1000/],
  ['with a __proto__ key', withProperties('{"a":[{"__proto__":{"isAdmin":true}}]}'), 'properties', /__proto__/],
  ['with an escaped __proto__ key', withProperties('{"\\u005f_proto__":1}'), 'properties', /__proto__/],
  [
    'with a constructor that has a prototype',
    withProperties('{"constructor":{"prototype":{"a":1}}}'),
    'properties',
    /constructor/,
  ],
  ['with a __proto__ key of its own', '{"type":"track","__proto__":{"event":"E"},"userId":"u"}', '', /__proto__/],
  ['with a number beyond a double', withProperties('{"total":1e999}'), 'properties', /too large/],
  ['that is no JSON', '{"type":"track","event":E}', '', /not valid JSON/],
  ['that is no object', '"track"', '', /must be a JSON object/],
  ['of no known type', JSON.stringify({ ...good, type: 'sing' }), 'type', /one of track, identify/],
  ['of no type', JSON.stringify({ ...good, type: null }), 'type', /one of/],
  ['that is a track call without a name', JSON.stringify({ ...good, event: ' ' }), 'event', /name of the event/],
  ['that is a group call without a group', JSON.stringify({ ...good, type: 'group' }), 'groupId', /group/],
  ['whose user id is an object', JSON.stringify({ ...good, userId: {} }), 'userId', /must be a string/],
  ['whose user id is true', JSON.stringify({ ...good, userId: true }), 'userId', /must be a string/],
  [
    'whose user id has lost digits',
    JSON.stringify({ ...good, userId: 0 }).replace(':0', ':12345678901234567890'),
    'userId',
    /loses digits/,
  ],
  ['whose anonymous id is endless', JSON.stringify({ ...good, anonymousId: 'a'.repeat(600) }), 'anonymousId', /at most 512/],
  ['whose traits are a string', JSON.stringify({ ...good, traits: 'vip' }), 'traits', /must be an object/],
  ['whose context is a list', JSON.stringify({ ...good, context: [1] }), 'context', /must be an object/],
  ['whose time is none', JSON.stringify({ ...good, timestamp: 'soon' }), 'timestamp', /ISO 8601/],
  ['whose day is none', JSON.stringify({ ...good, originalTimestamp: '2026-02-30' }), 'originalTimestamp', /ISO 8601/],
  ['whose message id is a number', JSON.stringify({ ...good, messageId: 5 }), 'messageId', /string/],
  ['that names nobody', JSON.stringify({ ...good, userId: null }), 'userId', /userId or anonymousId/],
  ['that names a placeholder', JSON.stringify({ ...good, userId: '0', anonymousId: 'null' }), 'userId', /placeholders/],
];

let gw: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  gw = await listen();
});
afterEach(() => gw.gateway.stop(0));

describe.each(broken)('an event %s', (_, event, field, message) => {
  it('is rejected alone in a batch, with field and reason, recorded with its bytes, and the others are taken', async () => {
    const second = JSON.stringify({ ...good, messageId: 'second' });
    const { status, body } = await gw.send('/v1/batch', `{"batch":[${JSON.stringify(good)}, ${event} ,${second}]}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      rejectedCount: 1,
      rejected: [{ index: 1, field, message: expect.stringMatching(message) }],
    });
    expect(gw.producer.records.map((record) => record.message['messageId'])).toEqual(['good', 'second']);
    expect(gw.rejected).toHaveLength(1);
    expect(gw.rejected[0]).toMatchObject({ source: 'web', processor: 'gateway', topic: 'events.raw', key: null });
    expect(gw.rejected[0]?.reason).toMatch(message);
    expect(String(gw.rejected[0]?.value)).toBe(event);
  });
});

const alone = broken.filter(([what, event]) => what !== 'of no type' && event.startsWith('{'));

describe.each(alone)('an event %s', (_, event, field) => {
  it.each([
    ['/v1/track', event],
    ['/v1/batch', `{"batch":[${event}]}`],
  ])('gets a 4xx that names the field when it comes alone to %s', async (path, text) => {
    const { status, body } = await gw.send(path, text);
    expect([400, 413]).toContain(status);
    expect(body).toMatchObject({ code: expect.any(String), message: expect.stringContaining(field) });
    expect([gw.producer.batches.length, gw.rejected.length]).toEqual([0, 1]);
  });
});

describe('limits of a whole body', () => {
  it('let a batch of 5,000 events through and no more', async () => {
    const batch = (count: number): string =>
      `{"batch":[${Array.from({ length: count }, () => '{"type":"page","userId":"u"}').join()}]}`;
    expect((await gw.send('/v1/batch', batch(5000))).status).toBe(200);
    expect(gw.producer.records).toHaveLength(5000);
    const refused = await gw.send('/v1/batch', batch(5001));
    expect(refused).toMatchObject({ status: 413, body: { code: 'batch_too_large', message: 'batch: more than 5000 events' } });
    expect(gw.producer.records).toHaveLength(5000);
  });

  it('refuse more than 4 MB, announced or not, plain or inflated', async () => {
    const body = JSON.stringify({ batch: [good], padding: 'x'.repeat(defaultLimits.bodyBytes) });
    const tooLarge = { status: 413, body: { code: 'body_too_large', message: expect.stringContaining('4194304 bytes') } };
    expect(await gw.send('/v1/batch', body)).toMatchObject(tooLarge);
    const chunked = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.from(body));
        controller.close();
      },
    });
    const response = await fetch(`${gw.url}/v1/batch`, { method: 'POST', body: chunked, duplex: 'half' });
    expect({ status: response.status, body: await response.json() }).toMatchObject(tooLarge);
    const random = Buffer.from(Array.from({ length: 400_000 }, (_, n) => (n * n * 2_654_435_761) >>> 24));
    expect(await gw.send('/v1/batch', gzipSync(Buffer.concat([Buffer.from(body), random])))).toMatchObject(tooLarge);
  });

  it('refuse a gzip bomb after its first bytes, but not a small body that compresses well', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    expect(await gw.send('/v1/batch', bomb)).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    const steep = JSON.stringify({ ...good, properties: { a: ' '.repeat(30_000) } });
    expect((await gw.send('/v1/track', gzipSync(steep))).status).toBe(200);
    const flat = JSON.stringify({ batch: [good], padding: ' '.repeat(1_500_000) });
    expect(await gw.send('/v1/batch', gzipSync(flat))).toMatchObject({
      status: 413,
      body: { message: expect.stringContaining('20 times') },
    });
  });

  it('refuse a context of the batch that is no object, too large, too deep, or hostile', async () => {
    const contexts = ['7', '"x"', '{"a":', JSON.stringify(nested(32)), JSON.stringify(many(1001)), '{"__proto__":{"a":1}}'];
    for (const context of contexts) {
      const { status, body } = await gw.send('/v1/batch', `{"batch":[${JSON.stringify(good)}],"context":${context}}`);
      expect([context.slice(0, 20), status]).toEqual([context.slice(0, 20), 400]);
      expect(body).toMatchObject({ code: expect.stringMatching(/invalid_batch|invalid_body/), message: expect.any(String) });
    }
    const large = await gw.post('/v1/batch', { batch: [good], context: { a: 'x'.repeat(33_000) } });
    expect(large).toMatchObject({ status: 413, body: { code: 'batch_too_large', message: 'context: larger than 32768 bytes' } });
    expect(gw.producer.batches).toEqual([]);
  });

  it('refuse a small batch that its context makes large', async () => {
    const batch = Array.from({ length: 5000 }, () => ({ type: 'page', userId: 'u' }));
    const refused = await gw.post('/v1/batch', { batch, context: { a: 'x'.repeat(32_000) } });
    expect(refused).toMatchObject({ status: 413, body: { code: 'batch_too_large' } });
    expect(gw.producer.batches).toEqual([]);
  });

  it('show the first hundred of many rejected events, count all, and record all', async () => {
    const { body } = await gw.post('/v1/batch', { batch: [good, ...Array.from({ length: 300 }, () => 1)] });
    expect(body['rejectedCount']).toBe(300);
    expect(body['rejected']).toHaveLength(100);
    expect(gw.rejected).toHaveLength(300);
  });

  it('keep write keys out of what is recorded, and cut what is far too large', async () => {
    const event = `{"writeKey" : "WK", "type": "sing", "a":"${'x'.repeat(300_000)}"}`;
    await gw.send('/v1/batch', `{"batch":[${event}]}`);
    expect(String(gw.rejected[0]?.value)).toMatch(/^\{"writeKey" : "", "type": "sing"/);
    expect(gw.rejected[0]?.value?.length).toBe(256 * 1024 - 2);
    expect(gw.rejected[0]?.reason).toMatch(/cut from \d+ to 262144 bytes/);
  });

  it('must leave room for a body of full size', () => {
    expect(() => gatewayLimits({ inFlightBytes: defaultLimits.bodyBytes })).toThrow(FreshetError);
  });
});
