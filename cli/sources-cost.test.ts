import { describe, expect, it } from '@jest/globals';
import { compileSource } from '../schemas/source-schema.ts';
import { usersOf, wordsOf } from './field-users.ts';
import { costOf, Sizes } from './sources-cost.ts';

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
    for (const at of [0, day]) sizes.add(Buffer.from(JSON.stringify(record)), at);
    sizes.add(Buffer.from('no json'), day);
    const lines = costOf(rows, sizes, readers, kinds);
    expect(lines[0]).toBe('till (sales), kept for 7d: 163 B a day, 3 records seen over 1d');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}who\.mail +42 B {2}identity$/));
    expect(lines.at(-2)).toBe('  unused: shop, colour: 37 % of the bytes');
  });

  it('is nothing where nothing has come', () => {
    expect(costOf(calls, undefined, readers, kinds)[0]).toBe('site (sales), kept as usual: no raw records');
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
