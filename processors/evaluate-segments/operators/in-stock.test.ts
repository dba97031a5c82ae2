import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { inStock } from './in-stock.ts';

const HOUR = 3_600_000;
const things = ['p', 'q'];
const properties = fc.record({ sku: fc.constantFrom(...things), left: fc.constantFrom(0, 4, 6, 8, 11, 15) });

/** By hand, millisecond after millisecond where it matters: what is left of the last figure, and what was there before it. */
const means =
  (within: number, above: number, below: number, perHour: number) =>
  (events: readonly LeafEvent[], at: number): boolean =>
    things.some((sku) => {
      const known = events.filter(({ occurredAt, properties: each }) => occurredAt <= at && each['sku'] === sku);
      const last = known.findLast(({ event }) => event === 'Added');
      if (last === undefined || at >= last.occurredAt + within) return false;
      let isThere = false;
      let since = 0;
      let told: number | undefined;
      const leftAt = (time: number): number => (told ?? 0) - (perHour * (time - since)) / HOUR;
      for (const { event, occurredAt, properties: each } of known) {
        if (event !== 'Told') continue;
        if (told !== undefined && occurredAt > since && leftAt(occurredAt - 1) < below) isThere = false;
        [told, since] = [Number(each['left']), occurredAt];
        isThere = told > above || (isThere && told >= below);
      }
      return isThere && leftAt(at) >= below;
    });

conforms('a thing that is there', {
  operator: inStock,
  config: { of: ['Added'], key: 'sku', within: '12s', told_by: 'Told', value: 'left', above: 10, below: 5 },
  events: ['Added', 'Told', 'Told', 'Other'],
  properties,
  means: means(12_000, 10, 5, 0),
});
conforms('a thing that is there, by figures that age', {
  operator: inStock,
  config: {
    of: ['Added'],
    key: 'sku',
    within: '20m',
    told_by: 'Told',
    value: 'left',
    above: 7,
    below: 3,
    margin: { per_hour: 60 },
  },
  respelt: {
    of: ['Added', 'Added'],
    key: 'sku',
    within: '1200s',
    told_by: 'Told',
    value: 'left',
    above: 7,
    below: 3,
    margin: { per_hour: 60 },
  },
  events: ['Added', 'Told', 'Told'],
  properties,
  unitMs: 60_000,
  means: means(20 * 60_000, 7, 3, 60),
});
