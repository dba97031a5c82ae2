import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { foldRecords } from '../../runtime/handover-seed.ts';
import { noHeaders, type StreamRecord } from '../../runtime/record.ts';
import { topics } from '../../schemas/topics.ts';
import { OneCustomer, runs, source, tagged, type GivenEvent } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { segmentCompiler } from './segment.ts';

const compile = segmentCompiler();
const segments = [
  { segment: 'buyers', when: { count: { of: 'Order', within: '20s', at_least: 2 } } },
  { segment: 'carts', when: { absence: { of: 'Order', after: 'Cart', within: '10s' } } },
  { segment: 'quiet', when: { none: [{ count: { of: 'Order', at_least: 1 } }] } },
  { segment: 'gold', when: { trait: { where: 'traits.plan == "gold"' } } },
].map(compile);
const sources = [source('web', { latenessMs: 30_000 })];
const processor = evaluateSegments({ segments, sources });
const customer = (key: string): OneCustomer => new OneCustomer(evaluateSegments({ segments, sources }), key);

/** What a seeder folds from the history. */
function folded(key: string, events: readonly GivenEvent[]): Readonly<Record<string, unknown>> {
  const records = events.map((given, offset): StreamRecord => {
    const value = { customer: key, event: { ...tagged(given), mode: 'backfill' }, marker: null };
    return { topic: topics.eventsIdentified.name, partition: 0, offset, timestamp: 0, key, value, headers: noHeaders };
  });
  return foldRecords(processor, records);
}

/** What the runtime does: the shared customer says his last words; each heir takes what is his. */
function seeded(heir: OneCustomer, left: Readonly<Record<string, unknown>>, own: readonly GivenEvent[]): void {
  processor.merge(heir.key, 'c_shared', new Map(Object.entries({ ...folded(heir.key, own), ...left })), heir.context(), 'split');
  heir.held = false;
  heir.fire();
}

const given = fc.record({
  event: fc.constantFrom('Order', 'Cart', 'Identify', 'Other'),
  second: fc.nat(30),
  traits: fc.constantFrom({ plan: 'gold' }, { plan: 'free' }),
  mine: fc.boolean(),
});

describe('a customer who turns out to be two', () => {
  it('leaves two who, whenever it comes, are in the segments that each one’s own history puts them into', () => {
    fc.assert(
      fc.property(fc.array(given, { maxLength: 12 }), fc.nat(40), fc.nat(20), (all, second, wait) => {
        const events = all.map(({ event, second: at, traits, mine }, index) => ({
          id: `m${index}`,
          event,
          at: at * 1000,
          mine,
          ...(event === 'Identify' ? { traits } : {}),
        }));
        const heirs = [true, false].map((mine) => {
          const own = events.filter((each) => each.mine === mine);
          return { mine, own, heir: customer(`c_${mine}`), alone: customer(`c_alone_${mine}`) };
        });
        const shared = customer('c_shared');
        let left: Readonly<Record<string, unknown>> = {};
        for (let now = 0; now <= 100; now++) {
          if (now === second) {
            processor.divide(shared.context());
            left = Object.fromEntries([...shared.cells].map(([part, { value }]) => [part, value]));
            for (const { heir } of heirs) heir.held = true;
          }
          const isOver = now >= second;
          for (const { heir, own } of heirs)
            if (now === second + wait)
              seeded(
                heir,
                left,
                own.filter(({ at }) => at < second * 1000),
              );
          for (const { heir, own, alone } of heirs)
            for (const each of own.filter(({ at }) => at === now * 1000)) {
              alone.event(each);
              (isOver ? heir : shared).event(each);
            }
          for (const { heir, alone } of heirs)
            for (const one of isOver ? [heir, alone] : [alone]) one.watermark('web', now * 1000);
          if (!isOver) shared.watermark('web', now * 1000);
        }
        expect(shared.members()).toEqual([]);
        for (const { heir, alone } of heirs) expect(heir.members()).toEqual(alone.members());
      }),
      { numRuns: runs(200) },
    );
  });

  it('tells it with the cause split, and goes on with the steps of the clock behind what had been decided', () => {
    const [shared, heir] = [customer('c_shared'), customer('c_heir')];
    shared.event({ id: '1', event: 'Cart', at: 0 });
    shared.event({ id: '2', event: 'Identify', at: 1000, traits: { plan: 'gold' } });
    shared.watermark('web', 4000);
    processor.divide(shared.context());
    expect(shared.story().filter((row) => row.includes('split'))).toEqual(['4000 left quiet (split)', '4000 left gold (split)']);
    const left = Object.fromEntries([...shared.cells].map(([part, { value }]) => [part, value]));
    heir.held = true;
    heir.watermark('web', 15_000);
    seeded(heir, left, [{ id: '1', event: 'Cart', at: 0 }]);
    expect(heir.story()).toEqual(['4000 entered quiet (split)', '10000 entered carts (timer)']);
  });
});
