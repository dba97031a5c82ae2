import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { basic, listen } from './fixture.ts';

let gw: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  gw = await listen();
});
afterAll(() => gw.gateway.stop(0));

/** Everything that hostile input might change without being told to. */
const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype];
const traces = (): string => JSON.stringify(prototypes.map((one) => Reflect.ownKeys(one).map(String)));

const hostileKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'hasOwnProperty',
  'batch',
  'type',
  'event',
  'userId',
  'anonymousId',
  'previousId',
  'groupId',
  'messageId',
  'context',
  'traits',
  'properties',
  'integrations',
  'sentAt',
  'timestamp',
  'writeKey',
  'externalIds',
  'email',
  '',
);
const word = fc.constantFrom(
  'track',
  'identify',
  'alias',
  'group',
  'u-1',
  'WK',
  'null',
  '0',
  '2026-11-22T00:00:00Z',
  '\ud800',
  '\u0000',
);
const { tree, object } = fc.letrec<{ tree: unknown; object: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    word,
    fc.double(),
    fc.constantFrom(null, true, 1e308, 2 ** 60, -0),
    fc.string({ unit: 'binary' }),
    fc.array(tie('tree'), { maxLength: 5 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(hostileKey, tie('tree')), { maxLength: 8 })
    .map((members) => Object.fromEntries(members.map(([key, value]) => [key, value]))),
}));
const strange = fc.record(
  { type: word, event: word, userId: tree, anonymousId: tree, context: tree, traits: tree, properties: tree, messageId: tree },
  { requiredKeys: [] },
);
const plausible = fc
  .record({ anonymousId: word, context: object, traits: object, properties: object, sentAt: word }, { requiredKeys: [] })
  .map((more) => ({ type: 'track', event: 'E', userId: 'u-1', ...more }));
const event = fc.oneof(plausible, strange, tree);
const batch = fc.record({ batch: fc.array(event), context: tree, sentAt: tree, integrations: tree }, { requiredKeys: ['batch'] });
const json = fc.oneof(event, batch).map(writeJson);
const cut = fc.tuple(json, fc.nat(200)).map(([text, at]) => text.slice(0, at));
const bytes = fc.oneof(
  json.map((text) => Buffer.from(text)),
  cut.map((text) => Buffer.from(text)),
  json.map((text) => gzipSync(text)),
  fc.tuple(json, fc.nat(60), fc.nat(255)).map(([text, at, byte]) => damage(gzipSync(text), at, byte)),
  fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some)),
);
const headers = fc.constantFrom(basic('WK'), basic('WK'), basic('nope'), {}, { authorization: 'Basic ====' });
const paths = ['track', 'identify', 'page', 'group', 'alias', 'batch', 'import', 't', 'b'];
const requests = fc.oneof(
  fc.record({ path: fc.constantFrom(...paths), body: bytes, headers }),
  fc.record({
    path: fc.constant('t'),
    body: plausible.map((one) => Buffer.from(writeJson(one))),
    headers: fc.constant(basic('WK')),
  }),
  fc.record({
    path: fc.constant('b'),
    body: fc.array(fc.oneof(plausible, event)).map((some) => gzipSync(writeJson({ batch: some }))),
    headers: fc.constant(basic('WK')),
  }),
);

/** JSON that may name `__proto__`, which an object literal cannot hold and JSON.stringify would lose. */
function writeJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${writeJson(inner)}`);
  return `{${[...members, ...(members.length % 5 === 4 ? ['"__proto__":{"polluted":true}'] : [])].join(',')}}`;
}

function damage(whole: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(whole);
  copy[at % copy.length] = byte;
  return copy;
}

describe('any body whatever', () => {
  it('gets 200, 400, 401, 413 or 429 with an object that says why, and changes no prototype', async () => {
    const before = traces();
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(requests, async ({ path, body, headers }) => {
        const answer = await gw.send(`/v1/${path}`, new Uint8Array(body), headers);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect([200, 400, 401, 413, 429]).toContain(answer.status);
        if (answer.status === 200) expect(answer.body['success']).toBe(true);
        else
          expect(answer.body).toMatchObject({ code: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/.+/) });
      }),
      { numRuns: 400 },
    );
    expect(traces()).toBe(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 401]));
    for (const { message } of gw.producer.records) {
      expect(JSON.stringify(message)).not.toContain('__proto__":');
      expect(message).not.toHaveProperty('writeKey');
    }
    expect(gw.feed.open).toBe(0);
  }, 30_000);
});
