import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { avg } from './avg.ts';
import { conforms } from './conformance.ts';
import { max } from './max.ts';
import { min } from './min.ts';

const properties = fc.record({ total: fc.constantFrom(0, 0.1, 10, 25.5) }, { requiredKeys: [] });
const totals = (events: readonly LeafEvent[], at: number, ms: number): number[] =>
  events
    .filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at && occurredAt > at - ms)
    .flatMap((each) => (typeof each.properties['total'] === 'number' ? [each.properties['total']] : []));

conforms('an average', {
  operator: avg,
  config: { of: 'A', value: 'item.total', within: '20s', more_than: 10 },
  respelt: { value: 'item.total', of: 'A', more_than: 10, within: '20000ms' },
  events: ['A', 'B'],
  properties,
  means: (events, at) => {
    const all = totals(events, at, 20_000);
    return all.length > 0 && all.reduce((total, each) => total + Math.round(each * 10), 0) / all.length > 100;
  },
});
conforms('an average over lists, ever', {
  operator: avg,
  config: { of: 'A', each: 'lines', value: 'item.price', currency: 'none', at_most: 2 },
  events: ['A'],
  properties: fc.record({ lines: fc.array(fc.record({ price: fc.nat(4) }), { maxLength: 3 }) }),
  means: (events, at) => {
    const prices = events
      .filter(({ occurredAt }) => occurredAt <= at)
      .flatMap((each) => (each.properties['lines'] as { price: number }[]).map(({ price }) => price));
    return prices.length > 0 && prices.reduce((total, each) => total + each, 0) <= 2 * prices.length;
  },
});
conforms('a smallest amount', {
  operator: min,
  config: { of: 'A', value: 'item.total', within: '15s', currency: 'none', less_than: 10 },
  events: ['A', 'B'],
  properties,
  means: (events, at) => totals(events, at, 15_000).some((each) => each < 10),
});
conforms('a largest amount, not too precise', {
  operator: max,
  config: { of: 'A', value: 'item.total', within: '15s', precision: '5s', at_most: 10 },
  events: ['A', 'B'],
  properties,
  means: (events, at) => {
    const all = totals(events, at, at - (Math.floor(at / 5000) * 5000 - 15_000));
    return all.length > 0 && all.every((each) => each <= 10);
  },
});
