import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from '../runtime/clock.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Rejected } from '../runtime/record.ts';
import type { Topic } from '../runtime/topic.ts';
import type { AvroRecord } from './avro.ts';
import { MemoryRegistry } from './registry/memory.ts';
import { createSerdes } from './serdes.ts';
import { topics } from './topics.ts';

const base = {
  key: 'k',
  partitions: 'shared',
  retention: { kind: 'delete', retentionMs: 1 },
  timestamps: 'create',
  internal: false,
  doc: 'd',
} as const;
const thing: Topic = { ...base, name: 'things', format: { kind: 'avro', schema: 'Thing' } };
const record = (...fields: AvroRecord['fields']): AvroRecord => ({ type: 'record', name: 'Thing', namespace: 'test', fields });
const a = { name: 'a', type: 'string' } as const;
const b = { name: 'b', type: ['null', 'long'], default: null } as const;
const list = { name: 'list', type: { type: 'array', items: { type: 'map', values: 'bytes' } }, default: [] } as const;

function of(registry: MemoryRegistry, schema: AvroRecord, clock = new ManualClock()) {
  const serdes = createSerdes({ registry, topics: [thing], schemas: new Map([['Thing', schema]]), clock });
  return { serdes, serde: serdes.of(thing) };
}

async function registered(registry: MemoryRegistry, schema: AvroRecord, clock?: ManualClock) {
  const { serdes, serde } = of(registry, schema, clock);
  await serdes.register();
  return serde;
}

const rejected: Rejected = {
  topic: 'events.raw',
  partition: 3,
  offset: 2 ** 52 + 1,
  processor: 'tag-freshness',
  step: 'decode',
  reason: 'not JSON',
  source: null,
  key: Buffer.from('k'),
  value: Buffer.from([0, 255, 1]),
  headers: { source: Buffer.from('shop') },
  timestamp: 1_759_999_999_000,
  rejectedAt: 1_760_000_000_000,
};

describe('the Avro serde', () => {
  it('writes a zero byte, the id of the schema in four bytes, and the value', async () => {
    const registry = new MemoryRegistry();
    registry.add({ kind: 'other', schema: 'takes the first id' });
    const serde = await registered(registry, record(a));
    expect(serde.encode({ a: 'hi' })).toEqual(Buffer.from([0, 0, 0, 0, 2, 4, 0x68, 0x69]));
    expect(serde.decode(Buffer.from([0, 0, 0, 0, 2, 4, 0x68, 0x69]))).toStrictEqual({ a: 'hi' });
  });

  it('registers each schema under the physical topic', async () => {
    const subjects: string[] = [];
    const registry = new MemoryRegistry();
    const spy = {
      register: (subject: string, schema: string) => (subjects.push(subject), registry.register(subject, schema)),
      schema: () => Promise.resolve(undefined),
    };
    await createSerdes({ registry: spy, prefix: 'eu.', topics: [topics.eventsTagged, topics.eventsRaw] }).register();
    expect(subjects).toEqual(['eu.events.tagged-value']);
  });

  it('refuses to encode before it is registered', () => {
    expect(() => of(new MemoryRegistry(), record(a)).serde.encode({ a: 'x' })).toThrow(/not registered yet/);
  });

  it('says which field is wrong, and not what was in it', async () => {
    const serde = await registered(new MemoryRegistry(), record(a, b));
    expect(() => serde.encode({ a: 'jane@example.com', b: 'secret' })).toThrow(
      new FreshetError('ENCODE_FAILED', 'test.Thing: b is not null or long'),
    );
    expect(() => serde.encode(null)).toThrow(/not such a record/);
  });

  it('encodes what is larger than its scratch buffer', async () => {
    const serde = await registered(new MemoryRegistry(), record(a));
    for (const length of [16_000, 16_384, 3_000_000, 5]) {
      const value = { a: 'x'.repeat(length) };
      expect(serde.decode(serde.encode(value))).toEqual(value);
    }
  });

  it('gives back every value, byte for byte', async () => {
    const serde = await registered(new MemoryRegistry(), record(a, b, list));
    const value = fc.record({
      a: fc.string({ unit: 'grapheme' }),
      b: fc.option(fc.maxSafeInteger().filter((n) => !Object.is(n, -0))),
      list: fc.array(
        fc.dictionary(
          fc.string(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
      ),
    });
    fc.assert(fc.property(value, (value) => expect(serde.decode(serde.encode(value))).toEqual(value)));
  });

  it('reads what an older schema wrote as its own type', async () => {
    const registry = new MemoryRegistry();
    const old = await registered(registry, record(a, { name: 'gone', type: { type: 'array', items: 'string' }, default: [] }));
    const bytes = old.encode({ a: 'hi', gone: ['x', 'y'] });
    const serde = await registered(registry, record(a, b));
    expect(() => serde.decode(bytes)).toThrow(/no schema 1/);
    await serde.prepare?.(bytes);
    expect(serde.prepare?.(bytes)).toBeUndefined();
    expect(serde.decode(bytes)).toStrictEqual({ a: 'hi', b: null });
  });

  it('needs no preparation for what it wrote itself', async () => {
    const serde = await registered(new MemoryRegistry(), record(a));
    expect(serde.prepare?.(serde.encode({ a: 'x' }))).toBeUndefined();
  });

  it('shares one request among all that wait for a schema', async () => {
    const registry = new MemoryRegistry();
    const bytes = (await registered(registry, record(a, b))).encode({ a: 'x', b: 1 });
    const { serde } = of(registry, record(a));
    expect(serde.prepare?.(bytes)).toBe(serde.prepare?.(bytes));
    await serde.prepare?.(bytes);
    expect(serde.decode(bytes)).toEqual({ a: 'x' });
  });

  it('asks for an unknown id again only after some seconds', async () => {
    const [registry, clock] = [new MemoryRegistry(), new ManualClock()];
    const serde = await registered(registry, record(a), clock);
    const foreign = Buffer.from([0, 0, 0, 0, 2, 2, 0x78]);
    await serde.prepare?.(foreign);
    expect(serde.prepare?.(foreign)).toBeUndefined();
    expect(() => serde.decode(foreign)).toThrow(/no schema 2/);
    registry.add({ kind: 'avro', schema: JSON.stringify(record(a, { name: 'c', type: 'null', default: null })) });
    clock.advance(9_999);
    expect(serde.prepare?.(foreign)).toBeUndefined();
    clock.advance(1);
    await serde.prepare?.(foreign);
    expect(serde.decode(foreign)).toEqual({ a: 'x' });
  });

  it('hands on that the registry is away, and tries again the next time', async () => {
    const registry = new MemoryRegistry();
    const bytes = (await registered(registry, record(a))).encode({ a: 'x' });
    const { serde } = of(registry, record(a));
    registry.available = false;
    await expect(serde.prepare?.(bytes)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true });
    registry.available = true;
    await serde.prepare?.(bytes);
    expect(serde.decode(bytes)).toEqual({ a: 'x' });
  });

  it.each([
    ['of another record', JSON.stringify({ ...record(a), name: 'Other' })],
    ['with a field of another type', JSON.stringify(record({ name: 'a', type: 'int' }))],
    ['that is no schema', '{"type":"nonsense"}'],
    ['that is no JSON', '<html>'],
  ])('refuses what was written by a schema %s', async (_, schema) => {
    const registry = new MemoryRegistry();
    const serde = await registered(registry, record(a));
    const id = registry.add({ kind: 'avro', schema });
    const bytes = Buffer.from([0, 0, 0, 0, id, 2, 0x78]);
    await serde.prepare?.(bytes);
    expect(() => serde.decode(bytes)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
  });

  it('refuses a registration that would break readers, with subject and field', async () => {
    const registry = new MemoryRegistry();
    await registered(registry, record(a));
    const { serdes } = of(registry, record(a, { name: 'c', type: 'string' }));
    await expect(serdes.register()).rejects.toThrow(/^things-value: .*Thing\.c is new and has no default/);
  });

  it('refuses a step that no rejected record can have', async () => {
    const serdes = createSerdes({ registry: new MemoryRegistry(), topics: [topics.eventsRejected] });
    await serdes.register();
    const serde = serdes.of(topics.eventsRejected);
    expect(serde.decode(serde.encode(rejected))).toEqual(rejected);
    const wrong = serde.encode({ ...rejected, step: 'guess' as Rejected['step'] });
    expect(() => serde.decode(wrong)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
  });
});

describe('damaged bytes', () => {
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  const formats = (['json', 'msgpack'] as const).map((kind) => ({ ...base, name: kind, format: { kind } }));

  it.each([...Object.values(topics), ...formats])(
    'of $name are a value or DECODE_FAILED, whatever they are',
    async (topic: Topic) => {
      await serdes.register();
      const serde = serdes.of(topic);
      const prefix = Buffer.from([0, 0, 0, 0]);
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc
          .tuple(fc.integer({ min: 1, max: 12 }), fc.uint8Array({ maxLength: 200 }))
          .map(([id, rest]) => Buffer.concat([prefix, Buffer.from([id]), rest])),
      );
      fc.assert(
        fc.property(bytes, (bytes) => {
          try {
            serde.decode(Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(FreshetError);
            expect(error).toMatchObject({ code: 'DECODE_FAILED' });
            expect((error as Error).message).not.toBe('');
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  it('of a good record are never read as a shorter or longer one', async () => {
    await serdes.register();
    const serde = serdes.of(topics.eventsRejected);
    const bytes = serde.encode(rejected);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => serde.decode(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
    }
    expect(() => serde.decode(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(/1 bytes too many/);
  });

  it.each([
    ['a list of 2^50 items', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ['a list whose count has no end', Array.from({ length: 200 }, () => 0xff)],
    ['a list of items that take no room', [0x7e, 0x00, 0x00]],
  ])('with %s end at once', async (_, items) => {
    const serde = await registered(
      new MemoryRegistry(),
      record({ name: 'list', type: { type: 'array', items: { ...record(), name: 'Empty' } } }),
    );
    const bytes = Buffer.from([0, 0, 0, 0, 1, ...items, ...Array.from({ length: 70 }, () => 0)]);
    expect(() => serde.decode(bytes)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
  });

  it('with a negative length of a list that is passed over are read without it', async () => {
    const registry = new MemoryRegistry();
    const id = registry.add({
      kind: 'avro',
      schema: JSON.stringify(record({ name: 'gone', type: { type: 'array', items: 'string' } }, a)),
    });
    const serde = await registered(registry, record(a));
    const bytes = Buffer.from([0, 0, 0, 0, id, 0x01, 0x03, 0x00, 0x00, 0x02, 0x78]);
    await serde.prepare?.(bytes);
    expect(serde.decode(bytes)).toEqual({ a: 'x' });
  });

  it('with text that is not UTF-8 are refused, and a true replacement character is not', async () => {
    const serde = await registered(new MemoryRegistry(), record(a));
    expect(() => serde.decode(Buffer.from([0, 0, 0, 0, 1, 2, 0xff]))).toThrow(/invalid UTF-8/);
    expect(serde.decode(serde.encode({ a: '\ufffd' }))).toEqual({ a: '\ufffd' });
  });
});

describe('the other serdes', () => {
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  const plain = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.double().filter((n) => !Object.is(n, -0)),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value')),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
        { noNullPrototype: true },
      ),
    ),
  })).value;

  it('MessagePack gives back all plain data, Buffer and undefined', () => {
    const serde = serdes.of(topics.identityLinks);
    fc.assert(fc.property(plain, (value) => expect(serde.decode(serde.encode(value))).toStrictEqual(value)));
  });

  it('MessagePack hands out Buffers of their own', () => {
    const serde = serdes.of(topics.identityLinks);
    const bytes = serde.encode({ b: Buffer.from('abc') });
    const { b } = serde.decode(bytes) as { b: Buffer };
    bytes.fill(0);
    expect(b).toEqual(Buffer.from('abc'));
  });

  it.each([[new Date(0)], [10n], [{ list: [new Date(0)] }]])('MessagePack refuses %p', (value) => {
    expect(() => serdes.of(topics.identityLinks).encode(value)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }));
  });

  it('bytes are handed on as they are', () => {
    const bytes = Buffer.from([1, 2, 3]);
    expect(serdes.of(topics.eventsRaw).encode(bytes)).toBe(bytes);
    expect(serdes.of(topics.eventsRaw).decode(bytes)).toBe(bytes);
  });

  it('JSON gives back what JSON can hold, and refuses what it cannot', () => {
    const serde = serdes.of({ ...base, name: 'j', format: { kind: 'json' } });
    expect(serde.decode(serde.encode({ a: [1, null, 'é'] }))).toEqual({ a: [1, null, 'é'] });
    expect(() => serde.encode(undefined)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }));
    expect(() => serde.decode(Buffer.from('{"a": jane@example.com}'))).toThrow(new FreshetError('DECODE_FAILED', 'not JSON'));
  });
});
