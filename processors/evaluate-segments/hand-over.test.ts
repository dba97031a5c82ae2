import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { OneCustomer, runs, source, type GivenEvent } from './fixture.ts';
import { mergeParts } from './hand-over.ts';
import { evaluateSegments } from './index.ts';
import { planOf } from './plan.ts';
import { segmentCompiler } from './segment.ts';

const compile = segmentCompiler();
const segments = [
  { segment: 'buyers', when: { count: { of: 'Order', within: '20s', at_least: 2 } } },
  { segment: 'carts', when: { absence: { of: 'Order', after: 'Cart', within: '10s' } } },
  { segment: 'quiet', when: { none: [{ count: { of: 'Order', at_least: 1 } }] } },
  { segment: 'gold', when: { trait: { where: 'traits.plan == "gold"' } } },
].map(compile);
const sources = [source('web', { latenessMs: 30_000 })];

const customer = (key: string): OneCustomer => new OneCustomer(evaluateSegments({ segments, sources }), key);
const processor = evaluateSegments({ segments, sources });
const state = (one: OneCustomer): ReadonlyMap<string, unknown> =>
  new Map([...one.cells].map(([part, { value }]) => [part, value]));

/** What the runtime does: the loser says his last words, then the winner takes his state. */
function merge(winner: OneCustomer, loser: OneCustomer): void {
  processor.close(loser.context());
  processor.merge(winner.key, loser.key, state(loser), winner.context());
  winner.held = false;
  winner.fire();
}

const at = (id: string, event: string, second: number, more: Partial<GivenEvent> = {}): GivenEvent => ({
  id,
  event,
  at: second * 1000,
  ...more,
});

describe('a merge of two customers', () => {
  it('lets the loser leave every segment, and the winner enter what both together belong to', () => {
    const [winner, loser] = [customer('c_w'), customer('c_l')];
    winner.event(at('1', 'Order', 1));
    loser.event(at('2', 'Order', 2, { traits: { plan: 'gold' } }));
    loser.event(at('3', 'Identify', 2, { traits: { plan: 'gold', city: 'Bath' } }));
    for (const each of [winner, loser]) each.watermark('web', 5000);
    merge(winner, loser);
    expect(loser.story()).toEqual(['2000 entered gold (event)', '5000 left gold (merge)']);
    expect(winner.story()).toEqual(['5000 entered buyers (merge)', '5000 entered gold (merge)']);
    expect(winner.memberships.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(winner.traits.map(({ trait, customer }) => `${customer} ${trait}`)).toEqual(['c_w plan', 'c_w city']);
  });

  it('decides what was held back during it by what both did', () => {
    const run = (ordered?: number): readonly string[] => {
      const [winner, loser] = [customer('c_w'), customer('c_l')];
      winner.event(at('1', 'Cart', 0));
      winner.held = true;
      if (ordered !== undefined) loser.event(at('2', 'Order', ordered));
      for (const each of [winner, loser]) each.watermark('web', 12_000);
      winner.event(at('3', 'Order', 13));
      merge(winner, loser);
      winner.watermark('web', 14_000);
      return winner.story().filter((row) => row.includes('carts'));
    };
    expect(run(5)).toEqual([]);
    expect(run(11)).toEqual(['10000 entered carts (timer)', '11000 left carts (event)']);
    expect(run()).toEqual(['10000 entered carts (timer)', '13000 left carts (event)']);
  });

  it('has, whenever it comes, the outcome of one customer who did all of it', () => {
    const event = fc.record({
      event: fc.constantFrom('Order', 'Cart', 'Identify', 'Other'),
      second: fc.nat(30),
      traits: fc.constantFrom({ plan: 'gold' }, { plan: 'free' }),
      mine: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), fc.nat(60), fc.nat(20), (given, second, hold) => {
        const events = given.map(({ event, second, traits, mine }, index) => ({
          ...at(`m${index}`, event, second),
          mine,
          ...(event === 'Identify' ? { traits } : {}),
        }));
        const [winner, loser, both] = [customer('c_w'), customer('c_l'), customer('c_b')];
        const steps = events.toSorted((one, other) => one.at - other.at);
        for (const each of steps) both.event(each);
        both.watermark('web', 100_000);
        let merged = false;
        for (let now = 0; now <= 100; now++) {
          if (now === second) winner.held = true;
          if (now === second + hold) {
            merge(winner, loser);
            merged = true;
          }
          for (const each of steps.filter(({ at }) => at === now * 1000)) (each.mine || merged ? winner : loser).event(each);
          for (const each of merged ? [winner] : [winner, loser]) each.watermark('web', now * 1000);
        }
        expect(winner.members()).toEqual(events.length === 0 ? [] : both.members());
        expect(loser.members()).toEqual([]);
      }),
      { numRuns: runs(200) },
    );
  });

  it('merges states in either direction to the same', () => {
    const plan = planOf(segments, sources);
    const [one, other] = [customer('c_1'), customer('c_2')];
    one.event(at('1', 'Order', 1));
    one.event(at('2', 'Identify', 1, { traits: { plan: 'free' }, asOf: 900 }));
    other.event(at('3', 'Order', 2));
    other.event(at('4', 'Identify', 3, { traits: { plan: 'gold' }, asOf: 2900 }));
    const parts = (merged: ReadonlyMap<string, unknown>): unknown =>
      [...merged].filter(([part]) => part !== 'm').sort(([a], [b]) => (a < b ? -1 : 1));
    expect(parts(mergeParts(plan, state(one), state(other)))).toEqual(parts(mergeParts(plan, state(other), state(one))));
  });
});
