import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from './fixture.ts';
import { customers, Deployment, segmentsOf, variants, type Choice, type Step } from './turn-fixture.ts';

const choice: fc.Arbitrary<Choice> = fc.record(
  Object.fromEntries(
    Object.keys(variants).map((name) => [
      name,
      fc.oneof(
        { arbitrary: fc.record({ variant: fc.nat(2), mode: fc.constantFrom('live', 'live', 'live', 'shadow') }), weight: 5 },
        { arbitrary: fc.constant(null), weight: 1 },
      ),
    ]),
  ),
) as fc.Arbitrary<Choice>;

const eventStep = fc.record({
  kind: fc.constant('event' as const),
  who: fc.nat(customers.length - 1),
  event: fc.constantFrom('A', 'A', 'B', 'C'),
  k: fc.constantFrom('x', 'y'),
  n: fc.integer({ min: 1, max: 3 }),
  early: fc.nat(3000),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: eventStep, weight: 12 },
  { arbitrary: fc.record({ kind: fc.constant('merge' as const), loser: fc.nat(4), winner: fc.nat(4) }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('edit' as const), choice, isSettled: fc.constantFrom(true, true, false) }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'barrier' as const, 'clock' as const, 'settle' as const) }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const), after: fc.nat(30) }), weight: 1 },
);

describe('rules that are edited while customers come and go', () => {
  it('end with the members that a plain computation with the last rules over all events has, each told once, without a gap', async () => {
    await fc.assert(
      fc.asyncProperty(choice, fc.array(step, { minLength: 5, maxLength: 30 }), async (first, steps) => {
        const deployment = new Deployment();
        await deployment.edit(segmentsOf(first));
        for (const [index, each] of steps.entries()) {
          const at = 10_000 + index * 1000;
          await deployment.attempt(() => deployment.take(each, at, index, at - 3001));
        }
        await deployment.finish();
        expect(deployment.folded()).toEqual(deployment.expected());
      }),
      { numRuns: runs(25) },
    );
  });

  const chosen = (variant: number, mode: 'live' | 'shadow' = 'live'): Choice => ({ many: { variant, mode } });
  const opened = async (...who: readonly number[]): Promise<Deployment> => {
    const deployment = new Deployment();
    await deployment.edit(segmentsOf(chosen(0)));
    for (const [index, one] of who.entries())
      await deployment.take({ kind: 'event', who: one, event: 'A', k: 'x', n: 1, early: 0 }, 20_000 + index * 30_000, index, 0);
    await deployment.driver.settle();
    return deployment;
  };

  it('count what a customer did who has become another since, though it is read again under the key that has ended', async () => {
    const deployment = await opened(0, 0, 1);
    await deployment.take({ kind: 'merge', loser: 1, winner: 0 }, 0, 0, 0);
    await deployment.driver.settle();
    await deployment.edit(segmentsOf(chosen(1)));
    await deployment.finish();
    expect(deployment.folded()).toEqual(['ada many']);
  });

  it('decide by the old rules, and let nobody turn, until every task has read again', async () => {
    const deployment = await opened(0, 0, 1, 2);
    await deployment.edit(segmentsOf(chosen(1)));
    await deployment.take({ kind: 'event', who: 0, event: 'A', k: 'x', n: 1, early: 0 }, 141_000, 10, 0);
    await deployment.take({ kind: 'event', who: 0, event: 'A', k: 'x', n: 1, early: 0 }, 142_000, 11, 0);
    await deployment.driver.settle();
    expect(deployment.claimed).toBe(4);
    expect(deployment.told()).toEqual(['ada entered event']);
    await deployment.take({ kind: 'barrier' }, 0, 0, 0);
    expect([deployment.claimed, deployment.told()]).toEqual([5, ['ada entered event']]);
    await deployment.finish();
    expect(deployment.folded()).toEqual(['ada many']);
  });

  it('let everybody leave a segment that is no more, and everybody enter one that comes out of the shadow, once', async () => {
    const deployment = await opened(0, 1);
    await deployment.edit(segmentsOf(chosen(2, 'shadow')));
    await deployment.finish();
    expect(deployment.told()).toEqual([]);
    await deployment.edit(segmentsOf(chosen(2)));
    await deployment.finish();
    expect(deployment.told()).toEqual(['ada entered seed', 'bob entered seed']);
    await deployment.edit([]);
    await deployment.finish();
    expect(deployment.told()).toEqual(['ada entered seed', 'ada left rule-change', 'bob entered seed', 'bob left rule-change']);
  });

  it('count what a version before them did not, which began a segment with nothing when its file came', async () => {
    const deployment = new Deployment();
    const buy = async (index: number): Promise<void> => {
      const event = { kind: 'event', who: 0, event: 'A', k: 'x', n: 1, early: 0 } as const;
      await deployment.take(event, 20_000 + index * 30_000, index, 0);
      await deployment.driver.settle();
    };
    deployment.unversioned = segmentsOf(chosen(0));
    await deployment.start();
    await buy(0);
    await buy(1);
    deployment.unversioned = segmentsOf(chosen(1));
    await deployment.restart();
    await buy(2);
    expect(deployment.told()).toEqual([]);
    await deployment.edit(segmentsOf(chosen(1)));
    await deployment.take({ kind: 'clock' }, 0, 0, 200_000);
    await deployment.finish();
    expect(deployment.told()).toEqual(['ada entered rule-change']);
    expect(deployment.folded()).toEqual(deployment.expected());
  });

  it('tell of what happened before a segment was there as of a seed, though its clock passes it only later', async () => {
    const deployment = await opened(0, 0, 1);
    await deployment.edit(segmentsOf({ ...chosen(0), back: { variant: 1, mode: 'live' } }));
    await deployment.take({ kind: 'event', who: 1, event: 'B', k: 'x', n: 1, early: 0 }, 150_000, 10, 0);
    await deployment.finish();
    expect(deployment.told()).toEqual(['bob entered seed']);
  });

  it('drop what was prepared for rules that were replaced before they came in force', async () => {
    const deployment = await opened(0, 0, 0);
    await deployment.edit(segmentsOf(chosen(2)));
    await deployment.driver.settle();
    await deployment.edit(segmentsOf(chosen(1)));
    await deployment.driver.settle();
    expect(deployment.driver.parts('evaluate-segments', 'ada').filter((part) => part.startsWith('l'))).toHaveLength(3);
    for (let round = 0; round < 3; round++) await deployment.take({ kind: 'barrier' }, 0, 0, 0);
    expect(deployment.driver.parts('evaluate-segments', 'ada').filter((part) => part.startsWith('l'))).toHaveLength(1);
    await deployment.finish();
    expect(deployment.folded()).toEqual(['ada many']);
  });
});
