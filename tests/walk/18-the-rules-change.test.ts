/**
 * 18. The rules change.
 *
 * Somebody edits the file of a segment, and the processors start again. The new rule asks for more than is in the state: what it
 * counts was never counted. So the events that the log retains are read again, by the same code, for the leaves that are new; and
 * until every task has done so the old rule goes on deciding, for those who come meanwhile as well. Then each customer turns to the
 * new rule in one step: who no longer belongs leaves and who belongs now enters, with a cause that sends no message. A segment whose
 * file is gone is emptied in the same way, and one that is new begins with those whose past makes them members.
 */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { bornWith, rulesOf, type GenerationRecord } from '../../processors/evaluate-segments/generation.ts';
import { segmentCompiler, type CompiledSegment } from '../../processors/evaluate-segments/segment.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { topics } from '../../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../../workspace/load.ts';
import { standOn, track, Walk } from '../support/walk.ts';

const compile = segmentCompiler();
const orders = (segment: string, rest: object): CompiledSegment =>
  compile({ segment, when: { count: { of: 'Order Completed', ...rest } } });
const before = [orders('loyal', { at_least: 2 }), orders('buyers', { at_least: 1 })];
const after = [orders('loyal', { at_least: 3 }), orders('once', { exactly: 1 })];

let shop: Workspace;
const open: Walk[] = [];
beforeAll(async () => {
  shop = await loadWorkspace(join(import.meta.dirname, '../../examples/shop'), {});
});
afterEach(async () => {
  standOn(() => ({}));
  for (const walk of open.splice(0)) await walk.close();
});

const first: GenerationRecord = { number: 1, base: null, turned: 0, born: bornWith(before, 1, undefined), completeFrom: null };
const second: GenerationRecord = { number: 2, base: 1, turned: 1, born: bornWith(after, 2, first), completeFrom: null };
const segmentsOf = ({ number }: GenerationRecord): readonly CompiledSegment[] => (number === 1 ? before : after);

async function run(generations: readonly GenerationRecord[]): Promise<Walk> {
  const now = generations.at(-1) ?? first;
  const rules = rulesOf(generations, Number.NEGATIVE_INFINITY, segmentsOf);
  const walk = await Walk.open({ ...shop, segments: segmentsOf(now), activations: [] }, ['shop'], rules);
  open.push(walk);
  return walk;
}

let orderId = 0;
const buy = (userId: string): ReturnType<typeof track> =>
  track({ userId }, 'Order Completed', { order_id: `o${++orderId}`, total: 10 }, { messageId: `order-${orderId}` });

describe('a rule that is edited', () => {
  it('goes on deciding until the new one knows the past, and then everybody turns to that in one step', async () => {
    const engine = memoryEngine();
    const registry = new MemoryRegistry();
    standOn(() => ({ engine, registry }));
    const old = await run([first]);
    old.at(0, buy('ada'), buy('ada'), buy('bob'), buy('cyd'), buy('cyd'), buy('cyd'));
    await old.settle();
    for (const minute of [5, 6]) {
      old.at(minute);
      await old.settle();
    }
    const name = new Map(['ada', 'bob', 'cyd', 'dan'].map((who) => [old.customer('user_id', who), who]));
    const told = (walk: Walk): string[] =>
      walk
        .read(topics.segmentsMembership)
        .map(({ customer, change, segment, cause, sequence }) => {
          const who = name.get(customer) ?? 'dan';
          return `${who} ${sequence}: ${change} ${segment} (${cause.kind})`;
        })
        .sort();
    expect(told(old)).toEqual([
      'ada 1: entered buyers (event)',
      'ada 2: entered loyal (event)',
      'bob 1: entered buyers (event)',
      'cyd 1: entered buyers (event)',
      'cyd 2: entered loyal (event)',
    ]);

    await old.close();
    open.pop();
    const { broker, clock } = old.driver;
    standOn(() => ({ engine, registry, broker, clock }));
    const walk = await run([first, second]);
    told(walk);
    walk.at(7, buy('dan'), buy('dan'));
    await walk.driver.settle();
    expect(told(walk)).toEqual(['dan 1: entered buyers (event)', 'dan 2: entered loyal (event)']);

    walk.at(10);
    await walk.settle();
    expect(told(walk)).toEqual([
      'ada 3: left buyers (rule-change)',
      'ada 4: left loyal (rule-change)',
      'bob 2: left buyers (rule-change)',
      'bob 3: entered once (seed)',
      'cyd 3: left buyers (rule-change)',
      'dan 3: left buyers (rule-change)',
      'dan 4: left loyal (rule-change)',
    ]);

    walk.at(11, buy('dan'), buy('bob'));
    await walk.settle();
    walk.at(20);
    await walk.settle();
    expect(told(walk)).toEqual(['bob 4: left once (event)', 'dan 5: entered loyal (event)']);
  });
});
