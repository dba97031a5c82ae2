import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FreshetError } from '../../../runtime/errors.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import { barrier, basic, brokersAway, listen } from './fixture.ts';

const track = { event: 'E', userId: 'u-1', messageId: 'm-1' };
const small = { bodyBytes: 1000, inFlightBytes: 8000 };

let gw: Awaited<ReturnType<typeof listen>>;
const start = async (...options: Parameters<typeof listen>): Promise<void> => {
  gw = await listen(...options);
};
afterEach(() => gw.gateway.stop(0));

const metric = async (name: string): Promise<number> => {
  const text = await gw.gateway.registry.metrics();
  return Number(new RegExp(`^${name.replaceAll('{', '\\{').replaceAll('}', '\\}')} (.*)$`, 'm').exec(text)?.[1]);
};

describe('an answer', () => {
  it('waits for the acknowledgement of every record of its request', async () => {
    await start();
    const slow = barrier();
    const isHeld = (userId: string): boolean => partitionFor(opaqueKey('secret', 'user_id', userId), 4) === 3;
    gw.producer.onSend = ({ partition }) => (partition === 3 ? slow.passed : undefined);
    const users = Array.from({ length: 40 }, (_, n) => `u-${n}`);
    const states: string[] = [];
    const sent = gw.post('/v1/batch', { batch: users.map((userId) => ({ ...track, type: 'track', userId })) }).then((answer) => {
      states.push('answered');
      return answer;
    });
    await gw.feed.reaches(1);
    await gw.post('/v1/track', { ...track, userId: users.find((user) => !isHeld(user)) });
    states.push('another was answered');
    slow.open();
    expect((await sent).status).toBe(200);
    expect(states).toEqual(['another was answered', 'answered']);
    expect(gw.producer.records).toHaveLength(41);
  });

  it('is 503 with Retry-After when one of the partitions did not acknowledge', async () => {
    await start();
    gw.producer.onSend = ({ partition }) => (partition === 0 ? Promise.reject(brokersAway()) : undefined);
    const batch = Array.from({ length: 40 }, (_, n) => ({ ...track, type: 'track', userId: `u-${n}` }));
    const answer = await gw.post('/v1/batch', { batch });
    expect(answer).toMatchObject({ status: 503, body: { code: 'kafka_unavailable', message: expect.any(String) } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    gw.producer.onSend = () => {};
    expect((await gw.post('/v1/batch', { batch })).status).toBe(200);
  });

  it('is 503 when a rejected event could not be recorded', async () => {
    await start({ reject: () => Promise.reject(brokersAway()) });
    const batch = [{ ...track, type: 'track' }, { type: 'sing' }];
    expect(await gw.post('/v1/batch', { batch })).toMatchObject({ status: 503 });
    expect((await gw.post('/v1/track', track)).status).toBe(200);
  });

  it('is 413 for a record that the brokers never take', async () => {
    await start();
    gw.producer.onSend = () => Promise.reject(new FreshetError('RECORD_TOO_LARGE', 'too large'));
    expect(await gw.post('/v1/track', track)).toMatchObject({ status: 413, body: { code: 'event_too_large' } });
    gw.producer.onSend = () => {};
    expect((await gw.post('/v1/track', track)).status).toBe(200);
  });

  it('goes out in several produce requests where one would be too large', async () => {
    await start({ limits: { produceBytes: 2000 } });
    const batch = Array.from({ length: 10 }, (_, n) => ({
      ...track,
      type: 'track',
      messageId: `m-${n}`,
      context: { a: 'x'.repeat(500) },
    }));
    expect((await gw.post('/v1/batch', { batch })).status).toBe(200);
    expect(gw.producer.batches.map(({ records }) => records.length)).toEqual([2, 2, 2, 2, 2]);
    expect(gw.producer.records.map(({ message }) => message['messageId'])).toEqual(batch.map(({ messageId }) => messageId));
  });
});

describe('while Kafka is away', () => {
  it('one request at a time is tried, the others are refused at once, until a write succeeds', async () => {
    const lines: string[] = [];
    await start({ log: ({ event }) => void lines.push(event), limits: { retryAwayMs: 2000 } });
    gw.producer.onSend = () => Promise.reject(brokersAway());
    expect((await gw.post('/v1/track', track)).status).toBe(503);
    expect((await fetch(`${gw.url}/readyz`)).status).toBe(503);
    gw.producer.onSend = () => {
      throw new Error('must not be tried');
    };
    const refused = await gw.post('/v1/track', track);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);

    gw.clock.advance(2000);
    const trial = barrier();
    gw.producer.onSend = () => trial.passed;
    const first = gw.post('/v1/track', track);
    await gw.feed.reaches(1);
    await gw.post('/v1/page', {});
    expect((await gw.post('/v1/track', track)).status).toBe(503);
    trial.open();
    expect((await first).status).toBe(200);
    expect((await gw.post('/v1/track', track)).status).toBe(200);
    expect((await fetch(`${gw.url}/readyz`)).status).toBe(200);
    expect(lines).toEqual(['listening', 'kafka-away', 'kafka-back']);
  });

  it('the gateway is not ready, but lives', async () => {
    let isAway = true;
    await start({ probe: () => (isAway ? Promise.reject(brokersAway()) : Promise.resolve()) });
    const status = async (path: string): Promise<number> => (await fetch(`${gw.url}${path}`)).status;
    expect([await status('/readyz'), await status('/healthz')]).toEqual([503, 200]);
    isAway = false;
    expect([await status('/readyz'), await status('/healthz')]).toEqual([200, 200]);
  });
});

describe('bytes in flight', () => {
  it('are bounded however many senders ignore a 429, and free again afterwards', async () => {
    await start({ limits: small });
    const slow = barrier();
    gw.producer.onSend = () => slow.passed;
    const body = { ...track, properties: { a: 'x'.repeat(600) } };
    const answers = Array.from({ length: 60 }, () => gw.post('/v1/track', body));
    const refusals = await Promise.all(answers.map((answer) => Promise.race([answer, gw.feed.reaches(5)])));
    const refused = refusals.filter((answer) => answer !== undefined);
    expect(await metric('freshet_gateway_bytes_in_flight')).toBeLessThanOrEqual(8000);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get('retry-after'), body]).toEqual([
        429,
        '1',
        expect.objectContaining({ code: 'too_many_requests' }),
      ]);
    }
    slow.open();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    const taken = statuses.filter((status) => status === 200).length;
    expect(statuses.filter((status) => status === 429)).toHaveLength(60 - taken);
    expect(taken).toBeGreaterThan(0);
    expect(gw.producer.records).toHaveLength(taken);
    expect(await metric('freshet_gateway_bytes_in_flight')).toBe(0);
  });

  it('of senders without a key in their headers are at most half of all', async () => {
    await start({ limits: small });
    const sockets = Array.from({ length: 5 }, () => createConnection(gw.port, '127.0.0.1'));
    for (const socket of sockets)
      socket.write(`POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n${' '.repeat(899)}`);
    const answered = await new Promise<string>((resolve) => {
      for (const socket of sockets) socket.once('data', (data: Buffer) => resolve(data.toString()));
    });
    expect(answered).toMatch(/^HTTP\/1.1 429 /);
    expect((await gw.post('/v1/track', track, basic('WK'))).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await gw.feed.reaches(0);
    expect(await metric('freshet_gateway_bytes_in_flight')).toBe(0);
  });
});

describe('a body in very small chunks', () => {
  it('is charged for what it costs, not for its length', async () => {
    await start({ limits: small });
    const socket = createConnection(gw.port, '127.0.0.1');
    socket.write(`POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(100)}`);
    const answered = await new Promise<string>((resolve) => {
      socket.once('data', (data: Buffer) => resolve(data.toString()));
    });
    socket.destroy();
    expect(answered).toMatch(/^HTTP\/1.1 429 /);
  });
});

describe('the feed', () => {
  it('is told of every request, whatever becomes of it, and of its end once it is answered', async () => {
    await start();
    const slow = barrier();
    gw.producer.onSend = () => slow.passed;
    const sent = gw.post('/v1/track', track);
    await gw.feed.reaches(1);
    expect((await gw.post('/v1/track', track, basic('nope'))).status).toBe(401);
    expect((await gw.post('/v1/track', {})).status).toBe(400);
    expect(gw.feed.open).toBe(1);
    slow.open();
    await sent;
    await gw.feed.reaches(0);
    expect(gw.feed.begun).toBe(3);
  });

  it('is told of the end of a request whose sender hung up', async () => {
    await start();
    const socket = createConnection(gw.port, '127.0.0.1');
    socket.write('POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"event":');
    await gw.feed.reaches(1);
    socket.destroy();
    await gw.feed.reaches(0);
    expect(gw.producer.batches).toEqual([]);
    expect(await metric('freshet_gateway_requests_total{route="track",status="499"}')).toBe(1);
  });
});
