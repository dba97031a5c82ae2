import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { conforms } from './conformance.ts';
import { count } from './count.ts';
import type { LeafEvent } from '../operator.ts';

const window = (events: readonly LeafEvent[], at: number, ms: number): readonly LeafEvent[] =>
  events.filter(({ event, occurredAt }) => event === 'A' && occurredAt <= at && occurredAt > at - ms);
const ever = Number.POSITIVE_INFINITY;
const properties = fc.record({ key: fc.constantFrom('x', 'y', 'z'), size: fc.nat(3) }, { requiredKeys: [] });

conforms('a count within a window', {
  operator: count,
  config: { of: 'A', within: '20s', at_least: 2 },
  respelt: { at_least: 2, within: '20000ms', of: 'A' },
  events: ['A', 'B'],
  means: (events, at) => window(events, at, 20_000).length >= 2,
});
conforms('a count of some events that stays small', {
  operator: count,
  config: { of: 'A', where: 'properties.size >= 2', within: '10s', at_most: 1 },
  events: ['A'],
  properties,
  means: (events, at) => window(events, at, 10_000).filter((each) => Number(each.properties['size'] ?? 0) >= 2).length <= 1,
});
conforms('a count of different values', {
  operator: count,
  config: { of: 'A', within: '15s', distinct: 'key', at_least: 2 },
  events: ['A'],
  properties,
  means: (events, at) => new Set(window(events, at, 15_000).flatMap((each) => each.properties['key'] ?? [])).size >= 2,
});
conforms('a count of all there ever were', {
  operator: count,
  config: { of: 'A', exactly: 1 },
  events: ['A', 'B'],
  means: (events, at) => window(events, at, ever).length === 1,
});
conforms('a count of different values ever', {
  operator: count,
  config: { of: 'A', distinct: 'key', less_than: 3 },
  events: ['A', 'B'],
  properties,
  means: (events, at) => new Set(window(events, at, ever).flatMap((each) => each.properties['key'] ?? [])).size < 3,
});

describe('a count', () => {
  const compile = (config: unknown): unknown => count.compile(config, { path: ['when', 'count'], timezone: 'UTC' });

  it('wants exactly one comparison', () => {
    expect(() => compile({ of: 'A' })).toThrow(
      'expected exactly one of at_least, more_than, at_most, less_than, exactly, found none',
    );
    expect(() => compile({ of: 'A', at_least: 1, at_most: 3 })).toThrow('found at_least and at_most');
  });

  it('refuses a window of no length and a condition that is none', () => {
    expect(() => compile({ of: 'A', at_least: 1, within: '0s' })).toThrow('expected a duration above zero');
    expect(() => compile({ of: 'A', at_least: 1, where: 'properties.' })).toThrow('not a valid CEL expression');
  });
});
