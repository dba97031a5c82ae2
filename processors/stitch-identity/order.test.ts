import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, nat, property } from 'fast-check';
import { KeySimulation, seededRandom } from '../../runtime/handover-simulation.ts';
import type { IdentifiedEvent, TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { stitchIdentity } from './index.ts';
import { history, namesOf, shuffled } from './testing/history.ts';
import { plainTimelines } from './testing/reference.ts';
import {
  eventOf,
  foundTimelines,
  keyOf,
  nodesOf,
  primaryOf,
  rulesWith,
  runWorld,
  secret,
  type WorldOptions,
} from './testing/world.ts';

describe('stitch-identity, whatever arrives when', () => {
  const limits = constantFrom({}, { user_id: 1 }, { user_id: 1, email: 1 }, { user_id: 2, email: 1, phone: 2 });
  const neighbours = constantFrom(100, 4);

  it('finds the same customers and timelines in every order, as a plain computation over the whole history does', () => {
    assert(
      property(nat(), nat(), limits, neighbours, constantFrom(0.02, 0.2, 0.7), (seed, order, most, maxNeighbours, rate) => {
        const events = history(seed);
        const names = [...new Set(events.flatMap(namesOf))];
        const plain = events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
        const want = plainTimelines(plain, { limits: most, moving: ['device_id', 'anonymous_id'], maxNeighbours });
        const all = { user_id: null, email: null, phone: null, ...most };
        const simulation = runWorld(order, shuffled(events, order), { rules: rulesWith(all, { maxNeighbours }), rate });
        expect(foundTimelines(nodesOf(simulation), names)).toEqual(want);
        expect(simulation.rejected).toEqual([]);
        expect(simulation.marked('hold')).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('counts only what was linked lately where a limit is on a time', () => {
    assert(
      property(nat(), nat(), constantFrom(2, 8, 30), constantFrom(0.02, 0.7), (seed, order, ms, rate) => {
        const events = history(seed);
        const names = [...new Set(events.flatMap(namesOf))];
        const plain = events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
        const limits = { user_id: 1, email: 1 };
        const within = { email: ms };
        const want = plainTimelines(plain, { limits, within, moving: ['device_id', 'anonymous_id'], maxNeighbours: 100 });
        const rules = rulesWith({ ...limits, phone: null }, { within });
        const simulation = runWorld(order, shuffled(events, order), { rules, rate });
        expect(foundTimelines(nodesOf(simulation), names)).toEqual(want);
      }),
      { numRuns: 30 },
    );
  });

  it('puts every event into exactly one live customer, and finishes every merge', () => {
    assert(
      property(nat(), nat(), limits, constantFrom(0.02, 0.2, 0.7), (seed, order, most, rate) => {
        const events = history(seed);
        const all = { user_id: null, email: null, phone: null, ...most };
        const simulation = runWorld(order, shuffled(events, order), { rules: rulesWith(all), rate });
        const ids = simulation
          .keysWith('collect', 'ids')
          .flatMap((key) => simulation.state<string[]>('collect', key, 'ids') ?? []);
        expect(ids.sort()).toEqual(events.map(({ messageId }) => messageId).sort());
        expect(simulation.rejected).toEqual([]);
        for (const key of simulation.keysWith('collect', '~')) {
          expect(simulation.state('collect', key, '~')).toMatchObject({ openings: [], early: [], closing: null });
        }
        expect(simulation.counts.get('handovers_followed')).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a link on its way', () => {
  it('holds the claim of its source at the time of its event until the root has decided', () => {
    const random = seededRandom(1);
    const simulation = new KeySimulation({ processors: [stitchIdentity({ secret })], random });
    const event = eventOf('m1', 10, ['user_id:ann', 'email:ann@shop.example', 'anonymous_id:b1']);
    simulation.send(topics.eventsTagged, primaryOf(event), event);
    simulation.step();
    const [mail, browser] = ['email:ann@shop.example', 'anonymous_id:b1'].map(keyOf);
    const pending = `stitch-identity/${keyOf('user_id:ann')}`;
    expect(simulation.marked('hold').sort()).toEqual([`${pending}/p${mail}.10`, `${pending}/p${browser}.10`].sort());
    simulation.run();
    expect(simulation.marked('hold')).toEqual([]);
  });
});

describe('the protocol without one of its rules', () => {
  const marked = ({ value }: { value: unknown }): string | undefined => (value as IdentifiedEvent).marker?.kind;
  /** Worlds in which something goes wrong, of the first hundred. */
  const failures = (
    tamper: WorldOptions['tamper'],
    isBroken: (simulation: KeySimulation, events: readonly TaggedEvent[]) => boolean,
  ): number =>
    Array.from({ length: 100 }, (_, seed) => seed).filter((seed) => {
      const events = history(seed);
      return isBroken(
        runWorld(seed, shuffled(events, seed), { rules: rulesWith({ user_id: 1 }), rate: 0.2, ...(tamper ? { tamper } : {}) }),
        events,
      );
    }).length;

  it('loses events if the loser does not wait for the seals', () => {
    const noSeals: WorldOptions['tamper'] = (message) =>
      message.topic === topics.eventsIdentified.name && marked(message) === 'closing'
        ? {
            ...message,
            value: {
              ...(message.value as IdentifiedEvent),
              marker: { ...(message.value as IdentifiedEvent).marker, members: [] },
            },
          }
        : message;
    expect(failures(noSeals, (simulation) => simulation.rejected.length > 0)).toBeGreaterThan(0);
  });

  it('sends a state after a customer that has ended if it does not wait for its openings', () => {
    const noOpenings: WorldOptions['tamper'] = (message) =>
      message.topic === topics.eventsIdentified.name && marked(message) === 'opening' ? undefined : message;
    expect(failures(noOpenings, (simulation) => simulation.counts.has('handovers_followed'))).toBeGreaterThan(0);
  });

  it('forgets who had a device last if nobody is told that it went elsewhere', () => {
    const notTold: WorldOptions['tamper'] = (message) => {
      const { kind, at } = message.value as { kind?: string; at?: number | null };
      return message.topic === topics.identityLinks.name && kind === 'answer' && at === null ? undefined : message;
    };
    const differs = (simulation: KeySimulation, events: readonly TaggedEvent[]): boolean => {
      const plain = events.map((event) => ({ at: event.occurredAt, names: namesOf(event) }));
      const want = plainTimelines(plain, { limits: { user_id: 1 }, moving: ['device_id', 'anonymous_id'], maxNeighbours: 100 });
      const found = foundTimelines(nodesOf(simulation), Object.keys(want));
      return Object.entries(want).some(([name, timeline]) => found[name] !== timeline);
    };
    expect(failures(undefined, differs)).toBe(0);
    expect(failures(notTold, differs)).toBeGreaterThan(0);
  });
});
