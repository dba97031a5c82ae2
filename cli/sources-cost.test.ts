import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import avsc from 'avsc';
import { ManualClock } from '../runtime/clock.ts';
import { MemoryBroker } from '../runtime/testing/memory-kafka.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { compileSource } from '../schemas/source-schema.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { usersOf, wordsOf } from './field-users.ts';
import { costOf, Sizes, tellCost } from './sources-cost.ts';

const day = 86_400_000;
const common = { description: 'd', owner: 'sales' };
const calls = compileSource({ source: 'site', ...common, endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] } }, {});
const rows = compileSource(
  {
    source: 'till',
    ...common,
    topic: {},
    keep: '7d',
    transform: [
      {
        event: 'Paid',
        occurred_at: 'record.at',
        identifiers: { email: 'record.who["mail"]' },
        properties: { total: 'number(record.sum) * 1.2', shop: 'record.shop' },
      },
    ],
  },
  {},
);
const readers = [
  { name: 'segment spender', words: wordsOf({ sum: { of: 'Paid', value: 'properties.total', within: '30d' } }) },
  { name: 'template thanks', words: wordsOf(['first_name | default: "you"']) },
];
const kinds = new Set(['email']);

describe('who uses a field', () => {
  it.each([
    [calls, 'messageId', ['de-duplication']],
    [calls, 'traits.email', ['identity']],
    [calls, 'traits.first_name', ['template thanks']],
    [calls, 'properties.total', ['segment spender']],
    [calls, 'traits.shoe_size', ['profile']],
    [calls, 'context.device', ['identity']],
    [calls, 'context.locale', []],
    [rows, 'at', ['event time']],
    [rows, 'who.mail', ['identity']],
    [rows, 'sum', ['segment spender']],
    [rows, 'shop', []],
    [rows, 'colour', []],
  ])('is told by what reads it: %#', (source, field, users) => {
    expect(usersOf(field, source, readers, kinds)).toEqual(users);
  });
});

describe('what a source costs', () => {
  it('is told in bytes a day by field, with what nobody uses named', () => {
    const sizes = new Sizes();
    const record = { at: 1, who: { mail: 'a@b.example' }, sum: '10', shop: 'north', colour: 'red' };
    for (const at of [0, day]) sizes.add(JSON.stringify(record).length, at, record);
    sizes.add(7, day, undefined);
    const lines = costOf(rows, sizes, readers, kinds);
    expect(lines[0]).toBe('till (sales), kept for 7d: 163 B a day, 3 records seen over 1d');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}who\.mail +42 B {2}identity$/));
    expect(lines.at(-3)).toBe('  of 1 records the fields are not known: they could not be read');
    expect(lines.at(-2)).toBe('  unused: shop, colour: 37 % of the bytes');
  });

  it('is nothing where nothing has come', () => {
    expect(costOf(calls, undefined, readers, kinds)[0]).toBe('site (sales), kept as usual: no raw records');
  });
});

describe('what a transform reads', () => {
  const from = (properties: unknown, field: string) => {
    const transform = [{ event: 'Paid', identifiers: { email: 'record.m' }, properties }];
    const source = compileSource({ source: 'till', ...common, topic: {}, transform }, {});
    return usersOf(field, source, [{ name: 'segment all', words: wordsOf('properties["net-total"] > item.total') }], kinds);
  };

  it.each([
    ['a list that is gone through', { total: 'record.rows.map(r, r.n).size()' }, 'rows', ['segment all']],
    ['the record as a whole', { total: 'record.size()' }, 'anything', ['segment all']],
    ['an index that is worked out', { total: 'record[record.which].amount' }, 'amount', ['segment all']],
    ['a name with a dash', { 'net-total': 'record.n' }, 'n', ['segment all']],
    ['an optional field', { total: 'record.?a.orValue(0)' }, 'a', ['segment all']],
    ['what is handed on whole', 'record.data', 'data.total', ['segment all']],
    ['what is handed on whole, of what nobody asks for', 'record.data', 'data.colour', []],
    ['a part whose own fields are not seen', 'record.data.attributes', 'data.attributes', ['transform']],
    ['an object that is made', '{"total": record.n}', 'n', ['transform']],
  ])('is told of %s', (_, properties, field, users) => {
    expect(from(properties, field)).toEqual(users);
  });
});

describe('what a workspace says of its sources', () => {
  const rule = (properties: readonly string[], traits: readonly string[] = []): string =>
    [
      'transform:',
      '  - event: Paid',
      '    occurred_at: record.at',
      '    identifiers: { email: record.mail }',
      `    properties: { ${properties.map((name) => `${name}: record.${name}`).join(', ')} }`,
      `    traits: { ${traits.map((name) => `${name}: record.${name}`).join(', ')} }`,
    ].join('\n');
  const files: Readonly<Record<string, string>> = {
    'freshet.yaml': 'name: shop\nsecret: secret of a test\n',
    'sources/till.yaml': `source: till\ndescription: d\nowner: sales\ntopic: {}\n${rule(['total', 'currency', 'town', 'shelf'], ['vip', 'weather', 'born', 'address'])}\n`,
    'sources/sky.yaml': `source: sky
description: d
owner: us
enrich:
  events: [Paid]
  key: event.properties.town
  url: https://sky.example/{key}
  fresh_for: 1h
  budget: { calls: 10, per: 1h }
transform:
  - event: Sky Seen
    identifiers: { email: record.key }
`,
    'sources/mute.yaml': `source: mute\ndescription: d\nowner: us\ntopic: {}\n${rule(['total'])}\n`,
    'identity.yaml': 'fuzzy: { fields: { birth: [born] } }\n',
    'segments/spender.yaml':
      'segment: spender\nwhen: { sum: { of: Paid, value: "properties.${what:total}", within: 30d, at_least: 5 } }\n',
    'activations/thanks.yaml': `activation: thanks
on: { segment: spender }
channel: letter
address: address
template: thanks
valid_for: 1d
when: traits.vip == true
wait: { for: [weather], at_most: 1m }
`,
    'templates/thanks.liquid': 'Thanks.',
  };

  it('names who reads a field in conditions, waits, questions, likeness and fraud, of Avro as of JSON', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cost-'));
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), text);
    }
    const workspace = await loadWorkspace(dir, {});
    const broker = new MemoryBroker({ clock: new ManualClock(1000), topics: { 'raw.till': 1, 'raw.mute': 1 } });
    const registry = new MemoryRegistry();
    const names = ['at', 'mail', 'total', 'currency', 'town', 'shelf', 'vip', 'weather', 'born', 'address', 'note'];
    const schema = { type: 'record', name: 'Sale', fields: names.map((name) => ({ name, type: 'string' })) } as const;
    const id = registry.add({ kind: 'avro', schema: JSON.stringify(schema) });
    const sale = Object.fromEntries(names.map((name) => [name, 'x']));
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, id]), avsc.Type.forSchema(schema).toBuffer(sale)]);
    broker.append('raw.till', 0, [{ key: null, value }]);
    broker.append('raw.mute', 0, [{ key: null, value: Buffer.from([0, 0, 0, 0, 99, 1]) }]);
    const kafka = broker.client();
    const lines = await tellCost({ workspace, kafka, registry, prefix: '' });
    await kafka.close();
    await rm(dir, { recursive: true });
    const users: Readonly<Record<string, string>> = Object.fromEntries(
      lines.flatMap((line) => {
        const found = /^ {2}(\w+) +\d+ B {2}(.+)$/.exec(line);
        return found ? [[found[1] ?? '', found[2] ?? ''] as const] : [];
      }),
    );
    expect(users).toEqual({
      at: 'event time',
      mail: 'identity',
      total: 'segment spender',
      currency: 'segment spender',
      town: 'source sky',
      shelf: 'unused',
      vip: 'activation thanks',
      weather: 'activation thanks',
      born: 'look-alikes',
      address: expect.stringContaining('fraud'),
      note: 'unused',
    });
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}unused: shelf, note: 1\d % of the bytes$/));
    const mute = lines.findIndex((line) => line.startsWith('mute (us)'));
    expect(lines.slice(mute + 1, mute + 3)).toEqual([
      '  of 1 records the fields are not known: they could not be read',
      '  whether every field is used is not known',
    ]);
  });
});

describe('how long raw records are kept', () => {
  it.each(['59m', '401d'])('is from an hour to 400 days, not %s', (keep) => {
    const yaml = {
      source: 'till',
      ...common,
      topic: {},
      keep,
      transform: [{ event: 'Paid', identifiers: { email: 'record.m' } }],
    };
    expect(() => compileSource(yaml, {})).toThrow(`expected 1h to 400d, found "${keep}"`);
  });
});
