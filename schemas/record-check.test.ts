import { describe, expect, it } from '@jest/globals';
import type { JsonSchema } from './config.ts';
import { recordCheck } from './record-check.ts';

const sale: JsonSchema = {
  type: 'object',
  required: ['id', 'lines'],
  properties: {
    id: { type: 'string', pattern: '^s-' },
    kind: { enum: ['sale', 'refund'] },
    lines: {
      type: 'array',
      minItems: 1,
      items: { type: 'object', properties: { amount: { type: ['number', 'null'], minimum: 0 } }, additionalProperties: false },
    },
    notes: { type: 'object', additionalProperties: { type: 'string' } },
    paid: { anyOf: [{ type: 'boolean' }, { const: 'later' }] },
  },
};
const good = { id: 's-1', lines: [{ amount: 1 }] };

describe('a record that is not as its schema says', () => {
  const check = recordCheck(sale);

  it.each([
    [[], 'record: expected object'],
    [{ lines: [] }, 'id: expected a value, there is none'],
    [{ ...good, id: 'ada@example.com' }, 'id: expected to match pattern "^s-"'],
    [{ ...good, kind: 'gift for ada' }, 'kind: expected one of "sale", "refund"'],
    [{ ...good, lines: [] }, 'lines: expected to NOT have fewer than 1 items'],
    [{ ...good, lines: [{ amount: 1 }, { amount: 'ada' }] }, 'lines.1.amount: expected number or null'],
    [{ ...good, lines: [{ amount: -7 }] }, 'lines.0.amount: expected to be >= 0'],
    [{ ...good, lines: [{ 'ada@example.com': 1 }] }, 'lines.0: expected no fields but amount'],
    [{ ...good, notes: { 'ada@example.com': 1 } }, 'notes.*: expected string'],
    [{ ...good, notes: { '4973112345': 1 } }, 'notes.*: expected string'],
    [{ ...good, paid: 'ada' }, 'paid: expected boolean'],
  ])('is told by place and expectation, without what it says: %#', (record, reason) => {
    expect(check(record)).toBe(reason);
  });

  it('is none that is as it says, with whatever else it has', () => {
    expect(check({ ...good, colour: 'red' })).toBeUndefined();
  });
});

describe('a schema', () => {
  it.each([
    [{ type: 'objekt' }, 'type', /^not a JSON Schema: expected one of array, /],
    [{ properties: { total: { minimum: 'ten' } } }, 'properties.total.minimum', /^not a JSON Schema: expected number/],
    [{ $schema: 'http://json-schema.org/draft-04/schema#' }, '$schema', /^expected one of draft-06, /],
    [{ $ref: 'https://shop.example/sale.json' }, '', /^not a JSON Schema that can be used: .*sale\.json/],
    [{ properties: { id: { pattern: '(' } } }, '', /^not a JSON Schema that can be used: /],
  ])('that is none is refused at its place: %#', (schema, place, message) => {
    const refusal = (): unknown => {
      try {
        return recordCheck(schema);
      } catch (error) {
        return error;
      }
    };
    expect(refusal()).toMatchObject({ message: expect.stringMatching(message) });
    expect((refusal() as { path: readonly unknown[] }).path.join('.')).toBe(place);
  });

  it('is read by the draft that it names, and formats and unknown words mean nothing', () => {
    const pair = { items: [{ type: 'string' }], additionalItems: false };
    const check = recordCheck({ $schema: 'http://json-schema.org/draft-07/schema#', 'x-owner': 'us', format: 'email', ...pair });
    expect([check(['a']), check([1])]).toEqual([undefined, '0: expected string']);
    expect(recordCheck(pair, 'draft-07')([1])).toBe('0: expected string');
    expect(() => recordCheck(pair)).toThrow('not a JSON Schema');
  });
});
