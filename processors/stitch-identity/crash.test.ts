import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, boolean, constantFrom, nat, record } from 'fast-check';
import type { SeedWish } from '../../runtime/handover.ts';
import type { CrashPoint } from '../../runtime/task.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import type { Topic } from '../../runtime/topic.ts';
import type { IdentifiedEvent } from '../../schemas/generated/types.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { stitchIdentity } from './index.ts';
import type { Node } from './site.ts';
import { commandsOf, history, namesOf, shuffled, wordsOn } from './testing/history.ts';
import { plainTimelines } from './testing/reference.ts';
import { collecting, foundTimelines, primaryOf, rulesWith, secret, seedsOf } from './testing/world.ts';

const rules = rulesWith({ user_id: 1 });
const points: readonly CrashPoint[] = ['decoded', 'processed', 'committed', 'written'];

describe('stitch-identity over the real tasks', () => {
  it('finds the same customers, with every event in one of them, when tasks crash between any two of their steps, also of a split', async () => {
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const crashes = array(record({ point: constantFrom(...points), after: nat(40) }), { maxLength: 5 });
    await assert(
      asyncProperty(nat(), crashes, boolean(), async (seed, plan, splits) => {
        const pending = [...plan];
        let passed = 0;
        const crash = (point: CrashPoint): void => {
          const next = pending[0];
          if (next?.point !== point || passed++ < next.after) return;
          pending.shift();
          passed = 0;
          throw new Error('crash');
        };
        const [broker, engine] = [new MemoryBroker(), memoryEngine()];
        const processors = [stitchIdentity({ secret, identity: rules }), collecting()];
        const start = () =>
          TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected, broker, engine, crash });
        let driver = await start();
        const settle = async (): Promise<void> => {
          for (;;) {
            try {
              return await driver.settle();
            } catch (error) {
              if (!(error instanceof Error) || error.message !== 'crash') throw error;
              await driver.close();
              driver = await start();
            }
          }
        };
        /** By place: what lies on a topic. */
        const all = <V>(topic: Topic<V>, known: Map<string, V>): V[] => {
          for (const { partition, offset, value } of driver.read(topic)) known.set(`${partition}/${offset}`, value);
          return [...known.values()];
        };
        const [told, wished] = [new Map<string, IdentifiedEvent>(), new Map<string, unknown>()];
        const fulfilled = new Set<string>();
        const events = history(seed);
        const names = [...new Set(events.flatMap(namesOf))];
        const words = splits ? wordsOn(names, seed) : [];
        for (const [i, event] of shuffled([...events, ...commandsOf(words)], seed).entries()) {
          driver.pipe(topics.eventsTagged, primaryOf(event), event);
          if (i % 4 === 3) await settle();
        }
        await settle();
        for (let isNew = true; isNew;) {
          const wishes = all(topics.customersSeeds, wished).map((wish) => wish as SeedWish);
          const next = wishes.filter(({ from }) => !fulfilled.has(from));
          isNew = next.length > 0;
          for (const wish of next) {
            fulfilled.add(wish.from);
            const seeds = seedsOf(wish, all(topics.eventsIdentified, told), rules);
            for (const { to, message } of [...seeds, ...seeds]) driver.pipe(topics.customersLoop, to, message);
          }
          await settle();
        }

        const plain = events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
        const plainRules = { limits: { user_id: 1 }, moving: ['device_id', 'anonymous_id'], maxNeighbours: 100 };
        const want = plainTimelines(plain, plainRules, words);
        const nodeOf = (key: string) => driver.state('stitch-identity', key, 'n') as Node | undefined;
        expect(foundTimelines(nodeOf, Object.keys(want))).toEqual(want);
        const customers = new Set(all(topics.eventsIdentified, told).map(({ customer }) => customer));
        const ids = [...customers].flatMap(
          (customer) => (driver.state('collect', customer, 'ids') as string[] | undefined) ?? [],
        );
        expect(ids.sort()).toEqual(events.map(({ messageId }) => messageId).sort());
        expect(driver.read(topics.eventsRejected)).toEqual([]);
        await driver.close();
      }),
      { numRuns: 12 },
    );
  }, 60_000);
});
