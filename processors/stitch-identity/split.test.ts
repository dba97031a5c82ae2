import { describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, constantFrom, nat, property } from 'fast-check';
import type { KeySimulation } from '../../runtime/handover-simulation.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { stitchIdentity } from './index.ts';
import type { Node } from './site.ts';
import { commandsOf, history, namesOf, runs, shuffled, wordsOn } from './testing/history.ts';
import { plainTimelines } from './testing/reference.ts';
import { commandOf, eventOf, foundTimelines, keyOf, nodesOf, primaryOf, rulesWith, runWorld, secret } from './testing/world.ts';

const moving = ['device_id', 'anonymous_id'];
const limits = constantFrom({}, { user_id: 1 }, { user_id: 1, email: 1 });

const plainOf = (events: readonly TaggedEvent[]) => events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
const idsIn = (simulation: KeySimulation): string[] =>
  simulation.keysWith('collect', 'ids').flatMap((key) => simulation.state<string[]>('collect', key, 'ids') ?? []);

describe('what an operator has set apart', () => {
  it('is apart in every order, as a plain computation over the whole history with the cuts says', () => {
    assert(
      property(
        nat(),
        nat(),
        limits,
        constantFrom(100, 4),
        constantFrom(0.02, 0.2, 0.7),
        (seed, order, most, maxNeighbours, rate) => {
          const events = history(seed);
          const names = [...new Set(events.flatMap(namesOf))];
          const said = wordsOn(names, seed);
          const want = plainTimelines(plainOf(events), { limits: most, moving, maxNeighbours }, said);
          const all = { user_id: null, email: null, phone: null, ...most };
          const arriving = shuffled([...events, ...commandsOf(said)], order);
          const simulation = runWorld(order, arriving, { rules: rulesWith(all, { maxNeighbours }), rate });
          expect(foundTimelines(nodesOf(simulation), names)).toEqual(
            Object.fromEntries(Object.entries(want).filter(([name]) => names.includes(name))),
          );
          expect(simulation.rejected).toEqual([]);
          expect(simulation.marked('hold')).toEqual([]);
        },
      ),
      { numRuns: runs(50) },
    );
  });

  it('keeps every event in exactly one live customer, whose own it is, while splits and merges are under way', () => {
    assert(
      property(nat(), nat(), limits, constantFrom(0.02, 0.2, 0.7), (seed, order, most, rate) => {
        const events = history(seed);
        const said = wordsOn([...new Set(events.flatMap(namesOf))], seed);
        const all = { user_id: null, email: null, phone: null, ...most };
        const arriving = shuffled([...events, ...commandsOf(said)], order);
        const simulation = runWorld(order, arriving, { rules: rulesWith(all), rate });
        expect(idsIn(simulation).sort()).toEqual(events.map(({ messageId }) => messageId).sort());
        expect(simulation.rejected).toEqual([]);
        for (const key of simulation.keysWith('collect', '~'))
          expect(simulation.state('collect', key, '~')).toMatchObject({ openings: [], early: [], closing: null });
        expect(simulation.counts.get('handovers_followed')).toBeUndefined();
      }),
      { numRuns: runs(50) },
    );
  });
});

describe('a merge that is taken back', () => {
  /** Two people who are never seen together, and the one event that mixes them up. */
  const world = (seed: number): { readonly mine: TaggedEvent[]; readonly theirs: TaggedEvent[]; readonly mix: TaggedEvent } => {
    const renamed = (events: readonly TaggedEvent[], who: string): TaggedEvent[] =>
      events.map((event) => {
        const names = namesOf(event).map((name) => `${name}-${who}`);
        return eventOf(`${event.messageId}-${who}`, event.occurredAt, names);
      });
    const [mine, theirs] = [renamed(history(seed), 'a'), renamed(history(seed + 1), 'b')];
    const [one = '', other = ''] = [mine, theirs].map((events) => events.flatMap(namesOf)[0] ?? '');
    return { mine, theirs, mix: eventOf('mix', 500, [one, other]) };
  };

  it('gives back the customers that were, each with its own events, and joins them again when the split is taken back', () => {
    assert(
      property(nat(), nat(), constantFrom(0.02, 0.7), (seed, order, rate) => {
        const { mine, theirs, mix } = world(seed);
        const between = namesOf(mix) as [string, string];
        const events = [...mine, ...theirs];
        const rules = rulesWith({ user_id: 1 });
        const names = [...new Set(events.flatMap(namesOf))];
        const plain = plainTimelines(plainOf(events), { limits: { user_id: 1 }, moving, maxNeighbours: 100 });
        const cut = commandOf('cut', 2000, 'split', between);
        const arriving = [
          ...shuffled(events, order),
          'rest' as const,
          mix,
          cut,
          { ...mix, messageId: 'mix again', occurredAt: 501 },
        ];
        const split = runWorld(order, arriving, { rules, rate });
        expect(foundTimelines(nodesOf(split), names)).toEqual(plain);
        const own = (events: readonly TaggedEvent[]): string[] => events.map(({ messageId }) => messageId);
        for (const key of split.keysWith('collect', 'ids')) {
          const ids = (split.state<string[]>('collect', key, 'ids') ?? []).filter((id) => !id.startsWith('mix'));
          expect(ids.every((id) => own(mine).includes(id)) || ids.every((id) => own(theirs).includes(id))).toBe(true);
        }
        expect(split.rejected).toEqual([]);

        const healed = runWorld(order, [...arriving, commandOf('heal', 3000, 'unsplit', between)], { rules, rate });
        const joined = plainTimelines(plainOf([...events, mix]), { limits: { user_id: 1 }, moving, maxNeighbours: 100 });
        const untouched = runWorld(order, [...events, mix], { rules, rate });
        expect(foundTimelines(nodesOf(untouched), names)).toEqual(joined);
        const mixedAgain = plainTimelines(plainOf([...events, mix, { ...mix, occurredAt: 501 }]), {
          limits: { user_id: 1 },
          moving,
          maxNeighbours: 100,
        });
        expect(foundTimelines(nodesOf(healed), names)).toEqual(mixedAgain);
        expect(idsIn(healed).sort()).toEqual([...own(events), 'mix', 'mix again'].sort());
      }),
      { numRuns: runs(10) },
    );
  });

  it('is told with the heirs, and sightings of what is apart cost nothing from then on', () => {
    const [ada, browser] = ['user_id:ada', 'anonymous_id:b1'];
    const events = [eventOf('m1', 1, [browser]), eventOf('m2', 2, [ada, browser]), commandOf('cut', 10, 'split', [ada, browser])];
    const simulation = runWorld(1, events, { rules: rulesWith({ user_id: 1 }), rate: 0.01 });
    const changes = simulation.sent.filter(({ topic }) => topic === topics.identityChanges.name);
    const told = changes.map(({ value }) => value as { kind: string; messageId: string; identifiers: string[] });
    const splits = told.filter(({ kind }) => kind === 'split');
    expect(splits.map(({ messageId, identifiers }) => `${messageId} ${identifiers.join(' ')}`).sort()).toEqual(
      [`cut ${keyOf(ada)}`, `cut ${keyOf(browser)}`].sort(),
    );
    const before = simulation.messages;
    for (let i = 0; i < 20; i++) {
      const event = eventOf(`n${i}`, 20 + i, [ada, browser]);
      simulation.send(topics.eventsTagged, primaryOf(event), event);
    }
    simulation.run();
    // Each event comes in and goes out, and that is all.
    expect(simulation.messages - before).toBe(40);
  });
});

describe('the number of partitions', () => {
  const found = async (events: readonly TaggedEvent[], partitions: number, names: readonly string[]) => {
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const processors = [stitchIdentity({ secret, identity: rulesWith({ user_id: 1 }) })];
    const options = { processors, serdes, rejected: topics.eventsRejected, partitions, broker: new MemoryBroker() };
    const driver = await TopologyTestDriver.start(options);
    try {
      for (const [i, event] of events.entries()) {
        driver.pipe(topics.eventsTagged, primaryOf(event), event);
        if (i % 5 === 4) await driver.settle();
      }
      await driver.settle();
      expect(driver.read(topics.eventsRejected)).toEqual([]);
      return foundTimelines((key) => {
        const has = driver.parts('stitch-identity', key).includes('n');
        return has ? (driver.state('stitch-identity', key, 'n') as Node) : undefined;
      }, names);
    } finally {
      await driver.close();
    }
  };

  it('changes nothing: one finds the same customers as any other, with cuts and without', async () => {
    await assert(
      asyncProperty(nat(), nat(), constantFrom(1, 2, 3, 5, 8, 16), async (seed, order, partitions) => {
        const events = history(seed);
        const names = [...new Set(events.flatMap(namesOf))];
        const said = order % 2 === 0 ? [] : wordsOn(names, seed);
        const want = plainTimelines(plainOf(events), { limits: { user_id: 1 }, moving, maxNeighbours: 100 }, said);
        const arriving = shuffled([...events, ...commandsOf(said)], order);
        expect(await found(arriving, partitions, names)).toEqual(want);
      }),
      { numRuns: runs(8) },
    );
  }, 30_000);
});
