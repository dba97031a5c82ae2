import { describe, expect, it } from '@jest/globals';
import { ConfigProblem } from '../../schemas/config.ts';
import { OneCustomer, source } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { operators } from './operators/registry.ts';
import { compileRates } from './rates.ts';
import { segmentCompiler } from './segment.ts';

const day = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const rates = compileRates({
  base: 'EUR',
  max_age: '2d',
  tables: [
    { as_of: '2026-01-03', rates: { USD: 0.8, GBP: 1.25 } },
    { as_of: '2026-01-01', rates: { USD: 0.5 } },
  ],
});
const compile = segmentCompiler('UTC', () => undefined, operators, rates);
const rule = { of: 'Order Completed', value: 'properties.total', within: '30d', at_least: 100 };
const spenders = (more: object = { convert_to: 'EUR' }) => compile({ segment: 'spenders', when: { sum: { ...rule, ...more } } });

/** Orders by day, total and currency; then the clock goes on to a day. */
function run(orders: readonly (readonly [onDay: number, total: number, currency?: string])[], until: number): OneCustomer {
  const customer = new OneCustomer(evaluateSegments({ segments: [spenders()], sources: [source('web')] }));
  for (const [index, [onDay, total, currency]] of orders.entries()) {
    const properties = { total, ...(currency === undefined ? {} : { currency }) };
    customer.watermark('web', start + onDay * day - 1);
    customer.event({ id: `m${index}`, event: 'Order Completed', at: start + onDay * day, properties });
  }
  customer.watermark('web', start + until * day);
  return customer;
}

describe('rates', () => {
  it('of the time of the amount hold, between any two of their currencies', () => {
    expect(rates.convert(100, 'USD', 'EUR', start)).toBe(50);
    expect(rates.convert(100, 'USD', 'EUR', start + 2 * day)).toBe(80);
    expect(rates.convert(100, 'GBP', 'USD', start + 2 * day)).toBe(156);
    expect(rates.convert(100, 'EUR', 'EUR', 0)).toBe(100);
  });

  it('are not made up: before the first table, and of a currency that is not there, there is none', () => {
    expect(rates.convert(100, 'USD', 'EUR', start - 1)).toBeUndefined();
    expect(rates.convert(100, 'GBP', 'EUR', start)).toBeUndefined();
    expect([rates.asOf(start - 1), rates.asOf(start + day)]).toEqual([undefined, start]);
  });

  it('that hold from the same time are refused', () => {
    const twice = { as_of: '2026-01-01', rates: { USD: 1 } };
    expect(() => compileRates({ base: 'EUR', tables: [twice, twice] })).toThrow(ConfigProblem);
  });
});

describe('a figure that converts', () => {
  it('takes amounts of several currencies together, each at the rate of its time', () => {
    expect(run([[0, 100, 'USD'], [0, 49, 'EUR']], 1).members()).toEqual([]); // prettier-ignore
    expect(run([[0, 100, 'USD'], [0, 50, 'EUR']], 1).members()).toEqual(['spenders']); // prettier-ignore
    expect(run([[2, 100, 'USD'], [2, 16, 'GBP']], 3).members()).toEqual(['spenders']); // prettier-ignore
  });

  it('leaves out what has no currency or no rate, and counts that', () => {
    const customer = run([[0, 500], [0, 500, 'GBP'], [0, 60, 'EUR']], 1); // prettier-ignore
    expect(customer.members()).toEqual([]);
    expect(customer.counters.get('no-rate')).toBe(2);
  });

  it('carries the age of its rates: fresh, and stale beyond their max_age', () => {
    const proofOf = (onDay: number): unknown => {
      const [row] = run([[onDay, 100, 'EUR']], onDay).memberships;
      return row?.proof.sources.find((each) => each.source === 'rates');
    };
    const asOf = start + 2 * day;
    expect(proofOf(4)).toMatchObject({ asOf, ageMs: 2 * day - 1, status: 'fresh', watermark: null });
    expect(proofOf(5)).toMatchObject({ asOf, ageMs: 3 * day - 1, status: 'stale' });
  });

  it('needs rates, and cannot count one currency alone as well', () => {
    const without = segmentCompiler();
    const yaml = { segment: 'spenders', when: { sum: { ...rule, convert_to: 'EUR' } } };
    expect(() => without(yaml)).toThrow('expected `rates` in freshet.yaml');
    expect(() => spenders({ convert_to: 'EUR', currency: 'USD' })).toThrow('cannot stand beside currency');
  });

  it('is the same figure when rates are added: its version does not change', () => {
    const more = compileRates({ base: 'EUR', tables: [{ as_of: '2026-02-01', rates: { USD: 0.9 } }] });
    const later = segmentCompiler('UTC', () => undefined, operators, more);
    expect(later({ segment: 'spenders', when: { sum: { ...rule, convert_to: 'EUR' } } }).version).toBe(spenders().version);
  });

  it('has no rates in its proof when it does not convert', () => {
    expect(spenders({ currency: 'EUR' }).rates).toBeUndefined();
  });
});
