import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LeafEvent } from '../operator.ts';
import { conforms } from './conformance.ts';
import { sequence } from './sequence.ts';

const ever = Number.POSITIVE_INFINITY;
interface Meaning {
  readonly names: readonly string[];
  readonly within?: number;
  readonly gap?: number;
  readonly without?: string;
  readonly same?: boolean;
  readonly lasting?: number;
}

/** Tries all ways in which events can be the steps. */
function happened(events: readonly LeafEvent[], at: number, meaning: Meaning): boolean {
  const { names, within = ever, gap = ever, without, same = false, lasting = ever } = meaning;
  const known = events.filter(({ occurredAt }) => occurredAt <= at);
  const goesOn = (chain: readonly LeafEvent[]): boolean => {
    const [first, last] = [chain[0], chain.at(-1)];
    if (chain.length === names.length && first !== undefined && last !== undefined) {
      const between = known.some(
        (each) =>
          each.event === without &&
          each.occurredAt > first.occurredAt &&
          each.occurredAt < last.occurredAt &&
          (!same || each.properties['k'] === undefined || each.properties['k'] === first.properties['k']),
      );
      return !between && last.occurredAt > at - lasting;
    }
    return known.some(
      (each) =>
        each.event === names[chain.length] &&
        (!same ||
          (each.properties['k'] !== undefined && (first === undefined || each.properties['k'] === first.properties['k']))) &&
        (first === undefined || each.occurredAt - first.occurredAt <= within) &&
        (last === undefined || (each.occurredAt > last.occurredAt && each.occurredAt - last.occurredAt <= gap)) &&
        goesOn([...chain, each]),
    );
  };
  return goesOn([]);
}

const properties = fc.record({ k: fc.constantFrom('x', 'y') }, { requiredKeys: [] });

conforms('a sequence of two', {
  operator: sequence,
  config: { steps: ['A', 'B'], within: '8s', for: '10s' },
  respelt: { for: '10s', within: '8000ms', steps: [{ event: 'A' }, { event: 'B' }] },
  events: ['A', 'B', 'C'],
  means: (events, at) => happened(events, at, { names: ['A', 'B'], within: 8000, lasting: 10_000 }),
});
conforms('a sequence of three with nothing else between', {
  operator: sequence,
  config: { steps: ['A', 'B', 'A'], without: ['C'], for: '12s' },
  events: ['A', 'B', 'C'],
  means: (events, at) => happened(events, at, { names: ['A', 'B', 'A'], without: 'C', lasting: 12_000 }),
});
conforms('a sequence of the same thing, ever', {
  operator: sequence,
  config: { steps: ['A', 'B'], same: 'k', without: ['C'], within: '15s' },
  events: ['A', 'B', 'C'],
  properties,
  means: (events, at) => happened(events, at, { names: ['A', 'B'], same: true, without: 'C', within: 15_000 }),
});
conforms('a sequence with a limit to each step and to all', {
  operator: sequence,
  config: { steps: ['A', { event: 'B', within: '6s' }, { event: 'C', within: '6s' }], within: '9s', for: '20s' },
  events: ['A', 'B', 'C'],
  means: (events, at) => happened(events, at, { names: ['A', 'B', 'C'], gap: 6000, within: 9000, lasting: 20_000 }),
});

describe('a sequence', () => {
  it('has conditions on its events, and no limit to its first step', () => {
    const scope = { path: ['when'], timezone: 'UTC' };
    expect(() => sequence.compile({ steps: [{ event: 'A', where: 'properties.' }, 'B'] }, scope)).toThrow(
      'not a valid CEL expression',
    );
    expect(() => sequence.compile({ steps: [{ event: 'A', within: '1h' }, 'B'] }, scope)).toThrow('the first step follows none');
  });
});
