import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listen, type SentRecord } from '../../connectors/sources/gateway/fixture.ts';
import { realData } from '../support/retail-orders.ts';

/** One request as a real SDK made it; gzip bodies are kept inflated. */
interface Captured {
  readonly n: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: CapturedBody;
}

type CapturedEvent = Readonly<Record<string, unknown>>;
interface CapturedBody extends CapturedEvent {
  readonly batch?: readonly CapturedEvent[];
}

const folder = join(realData, 'sdk-captures');
const segmentApi = /^(segment|rudder)-/;

function captures(file: string): readonly Captured[] {
  const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Captured);
}

const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
const segmentFiles = files.filter((name) => segmentApi.test(name));
const eventsOf = ({ body }: Captured): readonly CapturedEvent[] => body.batch ?? [body];
const isRetry = ({ headers }: Captured): boolean => Number(headers['x-retry-count'] ?? 0) > 0;

let gw: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  gw = await listen();
});
afterAll(() => gw.gateway.stop(0));

/** Sends a request with the very headers of the SDK, its body compressed and chunked as it was. */
function replay({ method, url, headers, body }: Captured): Promise<{ status: number; type: string | undefined; body: unknown }> {
  const text = JSON.stringify(body);
  const bytes = headers['content-encoding'] === 'gzip' ? gzipSync(text) : Buffer.from(text);
  const isChunked = headers['transfer-encoding'] === 'chunked';
  const { host: _, connection: __, ...own } = headers;
  return new Promise((resolve, reject) => {
    const sent = request(`${gw.url}${url}`, {
      method,
      headers: { ...own, ...(isChunked ? {} : { 'content-length': bytes.length }) },
    });
    sent.on('error', reject).on('response', (response) => {
      let all = '';
      response.on('data', (part: Buffer) => (all += part.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], body: JSON.parse(all) as unknown }),
      );
    });
    if (isChunked) for (let at = 0; at < bytes.length; at += 100) sent.write(bytes.subarray(at, at + 100));
    sent.end(isChunked ? undefined : bytes);
  });
}

/** The records that a capture brings, by message id. */
async function recordsOf(capture: Captured): Promise<ReadonlyMap<string, SentRecord>> {
  const before = gw.producer.records.length;
  expect(await replay(capture)).toEqual({
    status: 200,
    type: expect.stringMatching(/^application\/json/),
    body: { success: true },
  });
  const records = gw.producer.records.slice(before);
  const byId = new Map(records.map((record) => [String(record.message['messageId']), record]));
  expect(byId.size).toBe(records.length);
  return byId;
}

describe.each(segmentFiles)('%s', (file) => {
  const all = captures(file);

  it('is answered with 200 and brings each of its events once, as the SDK sent it', async () => {
    for (const capture of all) {
      const byId = await recordsOf(capture);
      const events = eventsOf(capture);
      expect([...byId.keys()].sort((a, b) => a.localeCompare(b))).toEqual(
        events.map(({ messageId }) => String(messageId)).sort((a, b) => a.localeCompare(b)),
      );
      for (const { writeKey: _, ...event } of events) {
        const record = byId.get(String(event['messageId']));
        expect(record?.message).toMatchObject(event);
        expect(record?.message).not.toHaveProperty('writeKey');
        expect([record?.header('source'), record?.header('message-id')]).toEqual(['web', event['messageId']]);
        expect(Number(record?.header('received-at'))).toBe(gw.clock.now());
        expect(record?.key).toMatch(/^[\w-]{22}$/);
      }
    }
  });

  it('says when it was sent, but not on a retry that it announces', async () => {
    for (const capture of all) {
      const sentAt = isRetry(capture) ? undefined : new Date(String(capture.body['sentAt'])).toISOString();
      for (const record of (await recordsOf(capture)).values()) expect(record.header('sent-at')).toBe(sentAt);
    }
  });

  it('keeps its message ids over its retries', async () => {
    const ids = all.flatMap((capture) => eventsOf(capture).map(({ messageId }) => messageId));
    const distinct = new Set(ids);
    const records = (await Promise.all(all.map(replay))).length;
    expect(records).toBe(all.length);
    const written = new Set(gw.producer.records.map(({ message }) => message['messageId']));
    expect([...distinct].filter((id) => !written.has(id))).toEqual([]);
    if (file.includes('retry')) expect(distinct.size).toBeLessThan(ids.length);
  });
});

describe('the captures together', () => {
  it('put the context of a Java batch on each of its events', async () => {
    for (const capture of captures('segment-java.jsonl')) {
      for (const { message } of (await recordsOf(capture)).values()) expect(message['context']).toEqual(capture.body['context']);
    }
  });

  it('show retries that announce themselves, gzip called a form, chunks, text/plain, and a key in the body alone', () => {
    const all = segmentFiles.flatMap(captures);
    const some = (holds: (capture: Captured) => boolean): boolean => all.some(holds);
    expect(some(isRetry)).toBe(true);
    expect(
      some(
        ({ headers }) =>
          headers['content-encoding'] === 'gzip' && headers['content-type'] === 'application/x-www-form-urlencoded',
      ),
    ).toBe(true);
    expect(some(({ headers }) => headers['transfer-encoding'] === 'chunked')).toBe(true);
    expect(some(({ headers }) => headers['content-type'] === 'text/plain')).toBe(true);
    expect(some(({ headers, body }) => headers['authorization'] === undefined && body['writeKey'] === 'WK')).toBe(true);
  });

  it('of other protocols get 404 and write nothing', async () => {
    const others = files.filter((name) => !segmentApi.test(name)).flatMap(captures);
    const before = gw.producer.records.length;
    for (const capture of others) expect(await replay(capture)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(others.length).toBeGreaterThan(0);
    expect(gw.producer.records).toHaveLength(before);
  });
});

/** Lines such as `rudder-python    202 {"success":true}   requests=4 exit=124`: how an SDK took an answer; 124: it never ended. */
function answerMatrix() {
  const lines = readFileSync(join(folder, 'answer-matrix.txt'), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const found = /^(\S+) +(\d{3}) (.*?) +requests=(\d+) exit=(\d+)/.exec(line);
    return found === null
      ? []
      : [{ sdk: found[1], status: Number(found[2]), body: found[3], requests: Number(found[4]), exit: found[5] }];
  });
}

describe('the answers of the gateway', () => {
  const matrix = answerMatrix();
  const requestsOn200 = new Map(
    matrix.filter(({ status, body }) => status === 200 && body === '{"success":true}').map((row) => [row.sdk, row.requests]),
  );

  it('are of the forms with which every SDK went on at once and ended', async () => {
    const success = await gw.post('/v1/track', { event: 'E', userId: 'u' });
    const error = await gw.post('/v1/track', { event: 'E', userId: 'u', writeKey: 'x' }, {});
    const formOf = (status: number, body: object): string => `${status} ${Object.keys(body).join()}`;
    const known = new Map<string, (typeof matrix)[number][]>();
    for (const row of matrix.filter(({ body }) => body?.startsWith('{'))) {
      const form = formOf(row.status, JSON.parse(row.body ?? '') as object);
      known.set(form, [...(known.get(form) ?? []), row]);
    }
    for (const form of [formOf(success.status, success.body), formOf(error.status, error.body)]) {
      const rows = known.get(form) ?? [];
      expect([form, rows.length >= 6]).toEqual([form, true]);
      for (const { sdk, requests, exit } of rows) expect([sdk, requests, exit]).toEqual([sdk, requestsOn200.get(sdk), '0']);
    }
  });
});
