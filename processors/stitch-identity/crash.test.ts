import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check';
import type { CrashPoint } from '../../runtime/task.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { stitchIdentity } from './index.ts';
import type { Node } from './site.ts';
import { history, namesOf, shuffled } from './testing/history.ts';
import { plainTimelines } from './testing/reference.ts';
import { collecting, foundTimelines, primaryOf, rulesWith, secret } from './testing/world.ts';

const rules = rulesWith({ user_id: 1 });
const points: readonly CrashPoint[] = ['decoded', 'processed', 'committed', 'written'];

describe('stitch-identity over the real tasks', () => {
  it('finds the same customers, with every event in one of them, when tasks crash between any two of their steps', async () => {
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const crashes = array(record({ point: constantFrom(...points), after: nat(40) }), { maxLength: 5 });
    await assert(
      asyncProperty(nat(), crashes, async (seed, plan) => {
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
        const events = history(seed);
        for (const [i, event] of shuffled(events, seed).entries()) {
          driver.pipe(topics.eventsTagged, primaryOf(event), event);
          if (i % 4 === 3) await settle();
        }
        await settle();

        const plain = events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
        const want = plainTimelines(plain, { limits: { user_id: 1 }, moving: ['device_id', 'anonymous_id'], maxNeighbours: 100 });
        const nodeOf = (key: string) => driver.state('stitch-identity', key, 'n') as Node | undefined;
        expect(foundTimelines(nodeOf, Object.keys(want))).toEqual(want);
        const customers = new Set(driver.read(topics.eventsIdentified).map(({ key }) => key));
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
