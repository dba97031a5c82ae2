import { describe, expect, it } from '@jest/globals';
import avsc from 'avsc';
import * as fc from 'fast-check';
import { MemoryRegistry } from './registry/memory.ts';
import { createRawDecoder } from './raw-decoder.ts';

const fields = [
  { name: 'text', type: 'string' },
  { name: 'big', type: 'long' },
  { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'day', type: { type: 'int', logicalType: 'date' } },
  { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
  { name: 'hash', type: { type: 'fixed', name: 'Two', size: 2 } },
  { name: 'state', type: { type: 'enum', name: 'State', symbols: ['NEW', 'OLD'] } },
  {
    name: 'either',
    type: ['null', 'int', 'long', 'string', { type: 'record', name: 'Inner', fields: [{ name: 'x', type: 'double' }] }],
    default: null,
  },
  { name: 'map', type: { type: 'map', values: ['null', 'string'] } },
  { name: 'wrongDefault', type: ['string', 'null'], default: null },
];
const schema = JSON.stringify({ type: 'record', name: 'Foreign', namespace: 'shop', fields });
const value = {
  text: 'é',
  big: 42,
  at: 1_760_000_000_000,
  day: 20_000,
  price: Buffer.from([1, 2]),
  hash: Buffer.from([3, 4]),
  state: 'OLD',
  either: { 'shop.Inner': { x: 1.5 } },
  map: { a: { string: 'b' }, c: null },
  wrongDefault: { string: 's' },
};

async function decoded(bytes: Buffer, registry: MemoryRegistry) {
  const decoder = createRawDecoder({ registry });
  await decoder.prepare(bytes);
  return decoder.decode(bytes);
}

function foreign(schemaText: string, value: unknown) {
  const registry = new MemoryRegistry();
  registry.add({ kind: 'avro', schema: schemaText });
  const { default: _, ...last } = fields[9] as { default: unknown };
  const writable: unknown =
    schemaText === schema ? { ...JSON.parse(schema), fields: [...fields.slice(0, 9), last] } : JSON.parse(schemaText);
  const body = avsc.Type.forSchema(writable as avsc.Schema, { wrapUnions: 'always' }).toBuffer(value);
  return { registry, bytes: Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body]) };
}

describe('the raw decoder', () => {
  it('reads foreign Avro as JSON: numbers for logical types, base64 for bytes, unions unwrapped', async () => {
    const { registry, bytes } = foreign(schema, value);
    const json = { ...value, price: 'AQI=', hash: 'AwQ=', either: { x: 1.5 }, map: { a: 'b', c: null }, wrongDefault: 's' };
    const verdict = await decoded(bytes, registry);
    expect(verdict).toEqual({ kind: 'value', value: json });
    if (verdict.kind === 'value') expect(JSON.parse(JSON.stringify(verdict.value))).toEqual(json);
  });

  it('reads a long that a number cannot hold as its digits', async () => {
    const registry = new MemoryRegistry();
    registry.add({ kind: 'avro', schema: '"long"' });
    const least = Buffer.from([0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    expect(await decoded(least, registry)).toEqual({ kind: 'value', value: '-9223372036854775808' });
  });

  it('reads plain JSON', async () => {
    expect(await decoded(Buffer.from(' {"a": [1, {"b": null}]}'), new MemoryRegistry())).toEqual({
      kind: 'value',
      value: { a: [1, { b: null }] },
    });
  });

  it('reads JSON behind the id of a JSON schema', async () => {
    const registry = new MemoryRegistry();
    registry.add({ kind: 'json', schema: '' });
    expect(await decoded(Buffer.from('\0\0\0\0\u0001{"a":1}'), registry)).toEqual({ kind: 'value', value: { a: 1 } });
  });

  it.each([
    ['as it says', '{"type":"object","required":["a"]}', '{"a":1}', {}],
    ['not as it says', '{"properties":{"a":{"type":"number"}}}', '{"a":"x"}', { unfit: 'schema 1: a: expected number' }],
    ['of a list by draft 7', '{"items":[{"type":"number"}]}', '["x"]', { unfit: 'schema 1: 0: expected number' }],
    ['of draft 4', '{"$schema":"http://json-schema.org/draft-04/schema#","type":"number"}', '"x"', {}],
    ['that refers to others', '', '"x"', {}],
    ['that takes anything', 'true', '"x"', {}],
  ])('checks JSON behind the id of a JSON schema: %s', async (_, schema, text, more) => {
    const registry = new MemoryRegistry();
    registry.add({ kind: 'json', schema });
    const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from(text)]);
    expect(await decoded(bytes, registry)).toEqual({ kind: 'value', value: JSON.parse(text) as unknown, ...more });
  });

  it('hands on that the registry is away', async () => {
    const registry = new MemoryRegistry();
    registry.available = false;
    await expect(createRawDecoder({ registry }).prepare(Buffer.from('\0\0\0\0\u0001x'))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      retryable: true,
    });
  });

  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const keys = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1])));

  it.each([
    ['nothing', '', 'empty'],
    ['text that is not JSON', '{"name": jane}', 'not JSON'],
    ['JSON cut off', '{"a": 1', 'not JSON at position 7'],
    ['a key __proto__', '[{"__proto__": {"admin": true}}]', 'a key __proto__'],
    ['a key constructor.prototype', '{"constructor": {"prototype": {}}}', 'a key constructor.prototype'],
    ['depth 33', nested(33), 'deeper than 32'],
    ['depth 100,000', nested(100_000), 'deeper than 32'],
    ['1,001 keys', keys(1_001), 'more than 1000 keys in an object'],
    ['a number out of range', '[1e999]', 'a number out of range'],
    ['an unknown schema', '\0\0\0\0\u0007x', 'the registry has no schema 7'],
  ])('refuses %s', async (_, text, reason) => {
    expect(await decoded(Buffer.from(text), new MemoryRegistry())).toEqual({ kind: 'refused', reason });
  });

  it.each([
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'invalid UTF-8'],
    ['a prefix without a value', Buffer.from([0, 0, 0, 0]), /not JSON/],
  ])('refuses %s', async (_, bytes, reason) => {
    expect(await decoded(bytes, new MemoryRegistry())).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  });

  it('takes depth 32, 1,000 keys, and a harmless key constructor', async () => {
    for (const text of [nested(32), keys(1_000), '{"constructor": {"name": "Acme"}}']) {
      expect(await decoded(Buffer.from(text), new MemoryRegistry())).toMatchObject({ kind: 'value' });
    }
  });

  it.each([
    ['a schema that is none', 'avro', '{"type":"nonsense"}', /schema 1 is not valid/],
    ['a JSON schema that is none', 'json', '{"type":"nonsense"}', /schema 1 is not valid/],
    ['a Protobuf schema', 'other', '', /neither Avro nor JSON/],
    [
      'a record with a field __proto__',
      'avro',
      '{"type":"record","name":"A","fields":[{"name":"__proto__","type":"int"}]}',
      /__proto__/,
    ],
    ['a list without end', 'avro', '{"type":"record","name":"L","fields":[{"name":"next","type":["L","null"]}]}', /./],
    ['a map with a key __proto__', 'avro', '{"type":"map","values":"null"}', /__proto__/],
  ] as const)('refuses %s', async (_, kind, schema, reason) => {
    const registry = new MemoryRegistry();
    registry.add({ kind, schema });
    const avro = schema.includes('map') ? Buffer.from('\u0002\u0012__proto__\0') : Buffer.alloc(0);
    const body = kind === 'json' ? Buffer.from('{}') : avro;
    const verdict = await decoded(Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body]), registry);
    expect(verdict).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  });

  it('answers a verdict for whatever bytes there are', async () => {
    const { registry, bytes: good } = foreign(schema, value);
    const decoder = createRawDecoder({ registry });
    await decoder.prepare(good);
    const damaged = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, end]) => {
      const bytes = Buffer.from(good.subarray(0, end));
      if (at >= 5 && at < end) bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          damaged,
        ),
        (bytes) => {
          expect(decoder.decode(bytes).kind).toMatch(/^(value|refused)$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
