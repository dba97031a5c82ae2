import { describe, expect, it } from '@jest/globals';
import { compileRepair } from './rejected-repair.ts';

describe('a repair', () => {
  it('sets fields to JSON or text, and makes the objects around them', () => {
    const { apply, fields } = compileRepair({
      set: ['event=Order Completed', 'properties.total=12.5', 'context.page.path=/a=b'],
    });
    const value = { event: 'Ordre', properties: { total: 'x', currency: 'EUR' } };
    expect(apply(value)).toEqual({
      event: 'Order Completed',
      properties: { total: 12.5, currency: 'EUR' },
      context: { page: { path: '/a=b' } },
    });
    expect(value.properties.total).toBe('x');
    expect(fields).toEqual(['event', 'properties.total', 'context.page.path']);
  });

  it('computes fields of the record as it was, also within lists', () => {
    const { apply } = compileRepair({ cel: ['items.0.price=record.items[0].price / 100.0', 'total=record.items[0].price'] });
    expect(apply({ items: [{ price: 250 }] })).toEqual({ items: [{ price: 2.5 }], total: 250 });
  });

  it('takes whole values by id, a line each', () => {
    const { whole } = compileRepair({
      file: '{"id":"0/1","value":{"a":1},"reason":"told by show"}\n\n{"id":"3/7","value":null}\n',
    });
    expect([...whole]).toEqual([
      ['0/1', { a: 1 }],
      ['3/7', null],
    ]);
  });

  it('names what cannot be read', () => {
    expect(() => compileRepair({ set: ['total'] })).toThrow('--set: expected path=value');
    expect(() => compileRepair({ set: ['__proto__.x=1'] })).toThrow('--set: expected path=value');
    expect(() => compileRepair({ cel: ['total=record.'] })).toThrow('not a valid CEL expression');
    expect(() => compileRepair({ file: '{"id":"0/1"}' })).toThrow('line 1: expected JSON with "id" and "value"');
    expect(() => compileRepair({ set: ['items.x=1'] }).apply({ items: [] })).toThrow('the place of an item');
    expect(() => compileRepair({ set: ['a.b=1'] }).apply({ a: 'text' })).toThrow('expected an object around it');
  });
});
