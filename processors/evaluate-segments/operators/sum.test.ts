import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { sum } from './sum.ts';

const amount = fc.constantFrom(0, 0.1, 0.2, 10, 25.5);
const lines = fc.array(fc.record({ sku: fc.constantFrom('x', 'y'), price: amount, quantity: fc.nat(3) }), { maxLength: 3 });
const inWindow = (event: LeafEvent, at: number, ms: number): boolean => event.occurredAt <= at && event.occurredAt > at - ms;

conforms('a sum within a window', {
  operator: sum,
  config: { of: 'A', value: 'item.total', within: '20s', more_than: 25.5 },
  respelt: { more_than: 25.5, of: 'A', within: '20000ms', value: 'item.total' },
  events: ['A', 'B'],
  properties: fc.record({ total: amount }, { requiredKeys: [] }),
  means: (events, at) =>
    events
      .filter((each) => each.event === 'A' && inWindow(each, at, 20_000))
      .reduce((total, each) => total + Math.round(Number(each.properties['total'] ?? 0) * 10), 0) > 255,
});
conforms('a sum ever', {
  operator: sum,
  config: { of: 'A', each: 'products', value: 'item.price * item.quantity', at_least: 50 },
  events: ['A', 'B'],
  properties: fc.record({ products: lines }),
  means: (events, at) =>
    events.filter((each) => each.event === 'A' && each.occurredAt <= at).reduce((total, each) => total + tenths(each), 0) >= 500,
});
conforms('a sum less what was cancelled', {
  operator: sum,
  config: {
    of: 'A',
    each: 'products',
    value: 'item.price * item.quantity',
    within: '20s',
    at_least: 20,
    minus: { of: 'B', each: 'products', value: 'item.price * item.quantity', match: 'sku' },
  },
  events: ['A', 'A', 'B'],
  properties: fc.record({ products: lines }),
  means: (events, at) =>
    ledger(events, at)
      .filter((open) => open.t > at - 20_000)
      .reduce((total, open) => total + open.left, 0) >= 200,
});

const money = fc.record({ total: amount, currency: fc.constantFrom('EUR', 'EUR', 'GBP') }, { requiredKeys: ['total'] });
conforms('a sum of money in one currency', {
  operator: sum,
  config: { of: 'A', value: 'item.total', within: '20s', currency: 'EUR', at_least: 20 },
  events: ['A', 'B'],
  properties: money,
  means: (events, at) =>
    events
      .filter((each) => each.event === 'A' && inWindow(each, at, 20_000) && each.properties['currency'] === 'EUR')
      .reduce((total, each) => total + Math.round(Number(each.properties['total']) * 10), 0) >= 200,
});
conforms('a sum of money that is never of several currencies', {
  operator: sum,
  config: { of: 'A', value: 'item.total', within: '20s', less_than: 30 },
  events: ['A', 'B'],
  properties: money,
  means: (events, at) => {
    const inside = events.filter((each) => each.event === 'A' && inWindow(each, at, 20_000));
    const total = inside.reduce((all, each) => all + Math.round(Number(each.properties['total']) * 10), 0);
    return new Set(inside.map((each) => each.properties['currency'])).size < 2 && total < 300;
  },
});
conforms('a sum less what was cancelled in its currency', {
  operator: sum,
  config: {
    of: 'A',
    value: 'item.total',
    within: '20s',
    at_least: 10,
    minus: { of: 'B', value: 'item.total', match: 'id', currency: 'EUR' },
    currency: 'EUR',
  },
  events: ['A', 'A', 'B'],
  properties: money.map((each) => ({ ...each, id: 'x' })),
  means: (events, at) => {
    const ours = events
      .filter((each) => each.properties['currency'] === 'EUR')
      .map((each) => ({
        ...each,
        properties: { products: [{ sku: 'x', price: Number(each.properties['total']), quantity: 1 }] },
      }));
    return (
      ledger(ours, at)
        .filter((open) => open.t > at - 20_000)
        .reduce((total, open) => total + open.left, 0) >= 100
    );
  },
});

type Product = { sku: string; price: number; quantity: number };
const products = (event: LeafEvent): readonly Product[] => event.properties['products'] as Product[];
const tenths = (event: LeafEvent, sku?: string): number =>
  products(event).reduce(
    (total, each) => total + (sku === undefined || sku === each.sku ? Math.round(each.price * 10) * each.quantity : 0),
    0,
  );

/** Purchases by article up to a time, with what cancellations left of them. */
function ledger(events: readonly LeafEvent[], at: number): readonly { t: number; sku: string; left: number }[] {
  const known = events.filter((each) => each.occurredAt <= at);
  const open = known
    .filter((each) => each.event === 'A')
    .flatMap((each) => ['x', 'y'].map((sku) => ({ t: each.occurredAt, sku, left: tenths(each, sku) })));
  for (const cancel of known.filter((each) => each.event === 'B')) {
    for (const sku of ['x', 'y']) {
      let wanted = tenths(cancel, sku);
      for (const purchase of open.toReversed()) {
        if (purchase.sku !== sku || purchase.t > cancel.occurredAt) continue;
        const taken = Math.min(purchase.left, wanted);
        purchase.left -= taken;
        wanted -= taken;
      }
    }
  }
  return open;
}

describe('a sum of several currencies', () => {
  it('says so instead of adding them', () => {
    const leaf = sum.compile({ of: 'A', value: 'item.total', at_least: 1 }, { path: [], timezone: 'UTC' });
    const paid = (messageId: string, currency: string): LeafEvent => ({
      messageId,
      event: 'A',
      occurredAt: 0,
      properties: { total: 5, currency },
      traits: {},
    });
    const state = [paid('1', 'eur'), paid('2', 'GBP')].reduce((all, each) => leaf.add(all, each, () => undefined), leaf.empty);
    expect(leaf.explain(state, 0)).toMatchObject({
      holds: false,
      says: 'amounts in EUR and GBP cannot be taken together: name the currency that counts',
    });
    expect(leaf.figure?.value(state, 0)).toBe(null);
  });
});

describe('a sum less cancellations', () => {
  const config = {
    of: 'A',
    value: 'item.total',
    within: '1h',
    at_least: 1,
    minus: { of: 'B', value: 'item.total', match: 'id' },
  };
  const leaf = sum.compile(config, { path: [], timezone: 'UTC' });
  const event = (messageId: string, name: string, minute: number, properties: Record<string, unknown>): LeafEvent => ({
    messageId,
    event: name,
    occurredAt: minute * 60_000,
    properties,
    traits: {},
  });

  it('tells what it found no purchase for, and what has no amount', () => {
    const notes: string[] = [];
    const fold = (...events: LeafEvent[]): unknown =>
      events.reduce((state, each) => leaf.add(state, each, (what) => notes.push(what)), leaf.empty);
    fold(event('1', 'A', 0, { id: 'x', total: 5 }), event('2', 'B', 1, { id: 'x', total: -5 }));
    expect(notes).toEqual([]);
    fold(event('1', 'A', 0, { id: 'x', total: 5 }), event('2', 'B', 1, { id: 'x', total: 6 }));
    fold(event('1', 'B', 1, { id: 'x', total: 6 }));
    expect(notes).toEqual(['unmatched', 'unmatched']);
    expect(fold(event('1', 'A', 0, { id: 'x', total: 'five' }))).toEqual(leaf.empty);
    expect(notes.at(-1)).toBe('no-amount');
  });

  it('counts the same cancellations without a purchase, whatever comes first', () => {
    const events = fc
      .array(fc.tuple(fc.constantFrom('A', 'A', 'B'), fc.nat(90), fc.constantFrom('x', 'y'), fc.constantFrom(1, 2, 5)), {
        maxLength: 9,
      })
      .map((all) => all.map(([name, minute, id, total], index) => event(String(index), name, minute, { id, total })));
    const count = (given: readonly LeafEvent[]): number => {
      let left = 0;
      const note = (what: string): void => void (left += what === 'unmatched' ? 1 : what === 'unmatched-undone' ? -1 : 0);
      given.reduce((state, each) => leaf.add(state, each, note), leaf.empty);
      return left;
    };
    const inTime = (given: readonly LeafEvent[]): LeafEvent[] =>
      given.toSorted((a, b) => a.occurredAt - b.occurredAt || (a.event < b.event ? -1 : 1));
    const arrivals = events.chain((all) =>
      fc.tuple(fc.constant(inTime(all)), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(fc.property(arrivals, ([sorted, shuffled]) => expect(count(shuffled)).toBe(count(sorted))));
  });

  it('takes a cancellation of the same minute from the purchase, whatever their ids', () => {
    const state = [event('z', 'A', 1, { id: 'x', total: 5 }), event('a', 'B', 1, { id: 'x', total: 5 })].reduce(
      (all, each) => leaf.add(all, each, () => undefined),
      leaf.empty,
    );
    expect(leaf.holds(state, 60_000)).toBe(false);
  });
});
