import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { barrier, endpoint, listen } from './fixture.ts';
import { writeKeys } from './write-keys.ts';

const track = { event: 'E', userId: 'u-1' };
let gw: Awaited<ReturnType<typeof listen>>;
afterEach(() => gw.gateway.stop(0));

const readAll = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString())).on('close', () => resolve(text));
  });

describe('stopping', () => {
  it('finishes what is in hand, takes no more, and ends', async () => {
    gw = await listen();
    const slow = barrier();
    gw.producer.onSend = () => slow.passed;
    const inHand = gw.post('/v1/track', track);
    await gw.feed.reaches(1);
    const stopped = gw.gateway.stop();
    await expect(fetch(`${gw.url}/readyz`)).rejects.toThrow();
    slow.open();
    const { status, headers } = await inHand;
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await stopped;
    expect(gw.producer.records).toHaveLength(1);
    expect(gw.feed.open).toBe(0);
  });

  it('ends a connection that is kept alive behind the answer in hand', async () => {
    gw = await listen();
    const slow = barrier();
    gw.producer.onSend = () => slow.passed;
    const socket = createConnection(gw.port, '127.0.0.1');
    const all = readAll(socket);
    const body = JSON.stringify({ ...track, writeKey: 'WK' });
    const request = `POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(request);
    await gw.feed.reaches(1);
    const stopped = gw.gateway.stop();
    socket.write(request);
    slow.open();
    await stopped;
    expect((await all).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(gw.producer.records).toHaveLength(1);
  });

  it('hangs up after the deadline on what does not end', async () => {
    gw = await listen();
    gw.producer.onSend = () => barrier().passed;
    const lost = gw.post('/v1/track', track).then(
      () => 'answered',
      () => 'hung up',
    );
    await gw.feed.reaches(1);
    await gw.gateway.stop(20);
    expect(await lost).toBe('hung up');
  });
});

describe('slow and broken senders', () => {
  it('are cut off with an answer when a request takes too long', async () => {
    gw = await listen({ limits: { headersTimeoutMs: 50, requestTimeoutMs: 60 } });
    const header = createConnection(gw.port, '127.0.0.1');
    header.write('POST /v1/track HTTP/1.1\r\nHost: x\r\n');
    const body = createConnection(gw.port, '127.0.0.1');
    body.write('POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
    for (const text of await Promise.all([readAll(header), readAll(body)])) {
      expect(text).toMatch(/^HTTP\/1.1 408 /);
      expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'request_timeout', message: expect.any(String) });
    }
    await gw.feed.reaches(0);
  });

  it('get 400 in the common form for what is not HTTP', async () => {
    gw = await listen();
    const socket = createConnection(gw.port, '127.0.0.1');
    socket.write('HELO shop\r\n\r\n');
    const text = await readAll(socket);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'bad_request' });
  });
});

describe('starting', () => {
  it('says so when the port is taken', async () => {
    gw = await listen();
    const second = await listen();
    await second.gateway.stop();
    await expect(second.gateway.start({ port: gw.port })).rejects.toMatchObject({ code: 'PORT_BUSY' });
  });

  it('refuses hashes that are none, and a key that two sources share', () => {
    const broken = { ...endpoint('web'), input: { kind: 'endpoint', writeKeyHashes: ['WK'] } } as const;
    expect(() => writeKeys([broken])).toThrow('source web: a write key');
    expect(() => writeKeys([endpoint('web', 'WK'), endpoint('app', 'WK')])).toThrow('sources web and app share a write key');
  });
});
