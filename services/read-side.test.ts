import { once } from 'node:events';
import { createServer, get, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { Counter, Registry } from 'prom-client';
import { FreshetError } from '../runtime/errors.ts';
import { metricsRouter } from './metrics/index.ts';
import { createReadSide } from './read-side.ts';
import type { ReadSide } from './read-side.ts';
import { HOSTILE, fakeProfiles, fakeSnapshot, fakeTrace, fakeWhy } from './testing/fake-views.ts';
import type { ProfileView } from './views.ts';
import { createSnapshotStream } from './walk/stream.ts';

let side: ReadSide;
let server: Server;
let port: number;
let logged: string[];
let profiles: ProfileView;

async function listen(app: express.Express): Promise<void> {
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
}

beforeEach(async () => {
  logged = [];
  profiles = fakeProfiles;
  side = createReadSide({
    snapshots: { snapshot: () => fakeSnapshot() },
    profiles: { find: (kind, value) => profiles.find(kind, value) },
    why: fakeWhy,
    trace: fakeTrace,
    log: (...line) => void logged.push(JSON.stringify(line)),
  });
  await listen(side.app);
});
afterEach(async () => {
  side.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function fetched(
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
  const asked = request({ port, host: '127.0.0.1', path, headers }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response), headers: response.headers };
}

const json = async (path: string): Promise<unknown> => JSON.parse((await fetched(path)).body);

describe('the read side', () => {
  it('answers with the facts and memberships of a customer', async () => {
    expect(await json('/api/customers/email/ada%40example.com')).toMatchObject({
      facts: [{ name: 'first_name', value: 'Ada', source: 'till', ageMs: 500 }],
      memberships: [{ segment: 'regulars' }],
    });
  });

  it('gives the same 404 for whatever it does not know', async () => {
    const paths = [
      'email/eve%40example.com',
      'nonsense/x',
      'EMAIL/ada%40example.com',
      `email/${'x'.repeat(400)}`,
      '__proto__/x',
      'email/%ff',
    ];
    for (const path of paths) {
      const { status, body } = await fetched(`/api/customers/${path}`);
      expect([path, status, body]).toEqual([path, 404, '{"error":"not found"}']);
    }
  });

  it('never logs who was asked for, also when the view fails', async () => {
    profiles = { find: () => Promise.reject(new Error('ada@example.com broke it')) };
    expect(await fetched('/api/customers/email/ada%40example.com')).toMatchObject({
      status: 500,
      body: '{"error":"internal error"}',
    });
    profiles = { find: () => Promise.reject(new FreshetError('NOT_LOCAL', 'another process holds it')) };
    expect(await fetched('/api/customers/email/ada%40example.com')).toMatchObject({ status: 503 });
    expect(logged).toHaveLength(2);
    expect(logged.join('')).not.toContain('ada');
  });

  it('shows the walk, the decisions and where an event is', async () => {
    expect(await json('/api/walk')).toMatchObject({
      perSecond: 148.6,
      hops: { length: 6 },
      sources: [{ source: 'till', status: 'fresh' }, {}, {}],
    });
    expect(await json('/api/decisions')).toHaveLength(20);
    expect(await json('/api/trace/msg-1')).toMatchObject({ state: 'accepted', changed: ['entered regulars'] });
    expect((await fetched('/api/trace/other')).status).toBe(404);
  });

  it('explains a message on a page that shows text as text', async () => {
    const { body, status } = await fetched('/why/r1');
    expect(status).toBe(200);
    expect(body).toContain('Table Booked');
    expect(body).toContain('64 ms');
    expect(body).toContain('&lt;script&gt;');
    expect(body).not.toContain(HOSTILE);
    expect((await fetched('/why/unknown')).status).toBe(404);
  });

  it('lets a page load only what is its own', async () => {
    const page = await fetched('/');
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(page.body).not.toMatch(/https?:\/\/|<script>|style=|onclick/);
    for (const [, path] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) expect((await fetched(path ?? '')).status).toBe(200);
    for (const file of ['draw.mjs', 'format.mjs'])
      expect((await fetched(`/console/${file}`)).headers['content-type']).toMatch(/javascript/);
    expect((await fetched('/console/index.ts')).status).toBe(404);
  });

  it('makes elements of data by their text alone', async () => {
    for (const file of ['page.mjs', 'draw.mjs', 'format.mjs']) {
      const { body } = await fetched(`/console/${file}`);
      expect(body).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval\(|Function\(/,
      );
    }
  });

  it('does not answer under a name that is not its own', async () => {
    expect((await fetched('/api/walk', { host: 'evil.example' })).status).toBe(421);
    expect((await fetched('/api/walk', { host: 'localhost:8080' })).status).toBe(200);
  });
});

describe('the stream', () => {
  const event = (response: IncomingMessage): Promise<string> => once(response, 'data').then(([chunk]) => String(chunk));

  it('sends a whole snapshot at once and then again and again', async () => {
    const [response] = (await once(get({ port, host: '127.0.0.1', path: '/api/stream' }), 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(await event(response)).toMatch(/^retry: 2000\n\ndata: \{"walk":.*\}\n\n$/s);
    expect(await event(response)).toMatch(/^data: \{"walk"/);
    response.destroy();
  });

  it('holds no more than one snapshot back for a reader that does not read, and cuts it off in the end', async () => {
    let made = 0;
    const big = 'x'.repeat(1 << 20);
    const stream = createSnapshotStream({ view: { snapshot: () => ({ ...fakeSnapshot(), n: made++, big }) }, intervalMs: 5 });
    const responses: express.Response[] = [];
    await new Promise((resolve) => server.close(resolve));
    await listen(
      express().get('/', (asked, response, next) => (responses.push(response), stream.handler(asked, response, next))),
    );
    const reader = get({ port, host: '127.0.0.1', path: '/' });
    reader.on('error', () => undefined);
    const [response] = (await once(reader, 'response')) as [IncomingMessage];
    response.on('error', () => undefined).pause();
    const [kept] = responses;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, kept?.writableLength ?? 0)), 1);
    await once(kept as express.Response, 'close');
    clearInterval(watch);
    expect(made).toBeGreaterThan(30);
    expect(most).toBeLessThan(3 << 20);
  });

  it('turns away more readers than it serves', async () => {
    const stream = createSnapshotStream({ view: { snapshot: () => fakeSnapshot() }, maxClients: 1 });
    await new Promise((resolve) => server.close(resolve));
    await listen(express().get('/', stream.handler));
    const [first] = (await once(get({ port, host: '127.0.0.1', path: '/' }), 'response')) as [IncomingMessage];
    expect(await fetched('/')).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
    first.destroy();
    stream.close();
  });
});

describe('/metrics', () => {
  it('serves the registry it was given', async () => {
    const registry = new Registry();
    new Counter({ name: 'freshet_things_total', help: 'Things', registers: [registry] }).inc(3);
    await new Promise((resolve) => server.close(resolve));
    await listen(express().use('/metrics', metricsRouter(registry)));
    expect((await fetched('/metrics')).body).toContain('freshet_things_total 3');
  });
});
