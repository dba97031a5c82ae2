import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { OneCustomer, runs, source, type GivenEvent } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { ruleHolds } from './rule.ts';
import { segmentCompiler, type CompiledSegment } from './segment.ts';

const compile = segmentCompiler();
const segments = [
  { segment: 'two', when: { count: { of: 'A', within: '10s', at_least: 2 } } },
  { segment: 'calm', when: { none: [{ count: { of: 'A', within: '5s', at_least: 1 } }] } },
  { segment: 'once', when: { count: { of: 'B', exactly: 1 } } },
  { segment: 'eager', eager: true, when: { count: { of: 'B', within: '8s', exactly: 1 } } },
  { segment: 'waits', when: { absence: { of: 'B', after: 'A', within: '6s', same: 'k', reset_by: ['A'], for: '7s' } } },
  { segment: 'gone', when: { absence: { of: 'A', after: 'A', within: '9s' } } },
  {
    segment: 'much',
    when: { sum: { of: 'A', value: 'item.n', within: '12s', more_than: 4, minus: { of: 'C', value: 'item.n', match: 'k' } } },
  },
  {
    segment: 'gold',
    when: {
      all: [
        { trait: { where: 'traits.p == "gold"' } },
        { any: [{ count: { of: 'A', at_least: 1 } }, { count: { of: 'B', within: '4s', at_most: 0 } }] },
      ],
    },
  },
  { segment: 'open', when: { count: { of: 'A', within: '10s', at_most: 1 } } },
  { segment: 'then', when: { sequence: { steps: ['A', 'B'], without: ['C'], within: '9s', same: 'k', for: '5s' } } },
  { segment: 'often', when: { most_frequent: { of: 'A', property: 'k', within: '20s', equals: 'x' } } },
  { segment: 'back', when: { returned: { of: 'A', after: '6s' } } },
  { segment: 'lot', when: { all: [{ share: { percent: 50, of: 'draw' } }, { count: { of: 'B', at_most: 0 } }] } },
].map(compile);

const event = fc.record({
  event: fc.constantFrom('A', 'A', 'B', 'C', 'Identify', 'Other'),
  at: fc.nat(30).map((second) => second * 1000),
  source: fc.constantFrom('web', 'app'),
  properties: fc.record({ k: fc.constantFrom('x', 'y'), n: fc.integer({ min: 1, max: 3 }) }),
  traits: fc.constantFrom({}, { p: 'gold' }, { p: null }),
  delay: fc.nat(12).map((second) => second * 1000),
});
const history = fc.array(event, { maxLength: 14 }).map((events) =>
  events.map(({ traits, ...rest }, index) => ({
    ...rest,
    traits: rest.event === 'Identify' ? traits : {},
    id: `m${(index * 5) % 14}`,
  })),
);

type Timed = GivenEvent & { readonly at: number; readonly source: string; readonly delay: number };

/** The memberships at a time, recomputed from all events up to it. */
function recomputed(all: readonly CompiledSegment[], events: readonly GivenEvent[], at: number): readonly string[] {
  const known = events.filter((each) => each.at <= at);
  if (known.length === 0) return [];
  const holds = ({ rule, leaves }: CompiledSegment): boolean =>
    ruleHolds(rule, (hash) => {
      const compiled = leaves.find((each) => each.hash === hash)?.leaf;
      const leaf = compiled?.forCustomer?.('c_one') ?? compiled;
      const told = { properties: {}, traits: {} };
      return (
        leaf?.holds(
          known.reduce(
            (state, each) => leaf.add(state, { ...told, ...each, messageId: each.id, occurredAt: each.at }, () => undefined),
            leaf.empty,
          ),
          at,
        ) ?? false
      );
    });
  return all
    .filter(holds)
    .map(({ name }) => name)
    .sort();
}

/** Sends the events in the order of their arrival; before each, the watermarks go as far as nothing on its way forbids. */
function live(customer: OneCustomer, events: readonly Timed[], check: (at: number) => void, tooLate = 0): void {
  const arriving = events.toSorted((one, other) => one.at + one.delay - other.at - other.delay);
  for (let index = 0; index <= arriving.length; index++) {
    for (const name of ['web', 'app']) {
      const pending = arriving
        .slice(index)
        .filter((each) => each.source === name)
        .map(({ at }) => at);
      const allowed = Math.min(60_000, ...pending.map((at) => at - 1 + tooLate));
      const before = customer.clock(name);
      if (allowed > before) customer.watermark(name, allowed);
    }
    check(customer.clock('app+web'));
    const next = arriving[index];
    if (next !== undefined) customer.event(next);
    check(customer.clock('app+web'));
  }
}

describe('the memberships folded from what is published', () => {
  const sources = [source('web', { latenessMs: 20_000 }), source('app')];

  it('equal a recomputation from the full history at the watermark, in any order of arrival', () => {
    fc.assert(
      fc.property(history, (events) => {
        const customer = new OneCustomer(evaluateSegments({ segments, sources }));
        live(customer, events, (at) => {
          for (const segment of segments.filter(({ eager }) => !eager)) {
            // What was decided on arrival holds as of that event, which may be ahead of the watermark.
            const last = customer.memberships.findLast((row) => row.segment === segment.name);
            const decided = Math.max(at, last?.effectiveAt ?? at);
            expect([segment.name, decided, last?.change === 'entered']).toEqual([
              segment.name,
              decided,
              recomputed([segment], events, decided).length > 0,
            ]);
          }
        });
        expect(customer.members()).toEqual(recomputed(segments, events, 60_000));
      }),
      { numRuns: runs(300) },
    );
  });

  it('equal it too after events that came later than the lateness, as corrections', () => {
    fc.assert(
      fc.property(history, fc.nat(15_000), (events, tooLate) => {
        const customer = new OneCustomer(
          evaluateSegments({ segments, sources: sources.map((each) => ({ ...each, latenessMs: 40_000 })) }),
        );
        live(customer, events, () => undefined, tooLate);
        expect(customer.members()).toEqual(recomputed(segments, events, 60_000));
      }),
      { numRuns: runs(200) },
    );
  });

  it('come in one order, with the same ids, from a backfill, whatever the order of arrival', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat(12)), (events, delays) => {
        const loading = [source('web', { mode: 'backfill' }), source('app', { mode: 'backfill' })];
        const run = (given: readonly Timed[]): OneCustomer => {
          const customer = new OneCustomer(evaluateSegments({ segments, sources: loading }));
          live(
            customer,
            given.map((each) => ({ ...each, mode: 'backfill' as const })),
            () => undefined,
          );
          return customer;
        };
        const one = run(events);
        const other = run(events.map((each) => ({ ...each, delay: (delays.next().value ?? 0) * 1000 })));
        expect(other.memberships.map(({ id }) => id)).toEqual(one.memberships.map(({ id }) => id));
        expect(other.story()).toEqual(one.story());
        expect(one.memberships.map(({ effectiveAt }) => effectiveAt)).toEqual(
          one.memberships.map(({ effectiveAt }) => effectiveAt).toSorted((a, b) => a - b),
        );
        expect(one.memberships.map(({ sequence }) => sequence)).toEqual(one.memberships.map((_, index) => index + 1));
      }),
      { numRuns: runs(200) },
    );
  });

  it('leave out no step that was due after the state had been pruned by the clock', () => {
    const calm = segments.filter(({ name }) => name === 'calm');
    const customer = new OneCustomer(evaluateSegments({ segments: calm, sources: [source('web', { mode: 'backfill' })] }));
    const a = (id: string, at: number): void => customer.event({ id, event: 'A', at, mode: 'backfill' });
    a('1', 0);
    a('2', 1000);
    customer.watermark('web', 5999);
    a('3', 7000);
    customer.watermark('web', 60_000);
    expect(customer.story()).toEqual([
      '6000 entered calm (backfill)',
      '7000 left calm (backfill)',
      '12000 entered calm (backfill)',
    ]);
  });
});
