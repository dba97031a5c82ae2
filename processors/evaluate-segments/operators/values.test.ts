import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { first } from './first.ts';
import { last } from './last.ts';
import { mostFrequent } from './most-frequent.ts';

const properties = fc.record({ category: fc.constantFrom('pans', 'pots', 3) }, { requiredKeys: [] });
const values = (events: readonly LeafEvent[], at: number, ms: number): unknown[] =>
  events
    .filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at && occurredAt > at - ms)
    .flatMap((each) => each.properties['category'] ?? []);
const ever = Number.POSITIVE_INFINITY;

conforms('a first value ever', {
  operator: first,
  config: { of: 'A', property: 'category', equals: 'pans' },
  respelt: { property: 'category', equals: 'pans', of: 'A' },
  events: ['A', 'B'],
  properties,
  means: (events, at) => values(events, at, ever)[0] === 'pans',
});
conforms('a last value in a window', {
  operator: last,
  config: { of: 'A', property: 'category', within: '12s', in: ['pots', 3] },
  events: ['A', 'B'],
  properties,
  means: (events, at) => ['pots', 3].includes(values(events, at, 12_000).at(-1) as string),
});
conforms('a last value that is not there', {
  operator: last,
  config: { of: 'A', property: 'category', within: '12s', exists: false },
  events: ['A', 'B'],
  properties,
  means: (events, at) => values(events, at, 12_000).length === 0,
});
const most = (all: readonly unknown[]): unknown =>
  [3, 'pans', 'pots']
    .map((value) => ({ value, n: all.filter((each) => each === value).length }))
    .filter(({ n }) => n > 0)
    .sort((one, other) => other.n - one.n || (JSON.stringify(one.value) < JSON.stringify(other.value) ? -1 : 1))[0]?.value;
conforms('a most frequent value ever', {
  operator: mostFrequent,
  config: { of: 'A', property: 'category', equals: 'pots' },
  events: ['A', 'B'],
  properties,
  means: (events, at) => most(values(events, at, ever)) === 'pots',
});
conforms('a most frequent value in a window', {
  operator: mostFrequent,
  config: { of: 'A', property: 'category', within: '18s', contains: 'pan' },
  events: ['A'],
  properties,
  means: (events, at) => most(values(events, at, 18_000)) === 'pans',
});
