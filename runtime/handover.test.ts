import { describe, expect, it } from '@jest/globals';
import { assert, integer, property } from 'fast-check';
import { type HandoverMarker, withHandover } from './handover.ts';
import { KeySimulation, seededRandom } from './handover-simulation.ts';
import { type Context, type Processor, TICK } from './processor.ts';
import type { Topic } from './topic.ts';

const topic = (name: string): Topic => ({
  name,
  format: { kind: 'msgpack' },
  key: 'a key',
  partitions: 'shared',
  retention: { kind: 'delete', retentionMs: 1000 },
  timestamps: 'create',
  internal: true,
  doc: name,
});
const records = topic('records');
const loop = topic('loop');
const fired = topic('fired');

type Value = { readonly event: number; readonly due: number } | { readonly marker: HandoverMarker };
interface Waiting {
  readonly [event: string]: number;
}

/** Counts its events, and tells of each once when its time has come. */
function counting(): Processor {
  const wait = (context: Context, waiting: Waiting): void =>
    context.state.set('waiting', waiting, { due: [...new Set(Object.values(waiting))].map((at) => ({ clock: TICK, at })) });
  const add = (context: Context, events: readonly number[]): void =>
    context.state.set('events', [...(context.state.get<number[]>('events') ?? []), ...events]);
  const processor: Processor = {
    name: 'count',
    inputs: [records],
    outputs: [fired],
    upstream: [],
    process: ({ value }, context) => {
      const { event, due } = value as { event: number; due: number };
      add(context, [event]);
      wait(context, { ...context.state.get<Waiting>('waiting'), [event]: due });
    },
    onTimer: ({ key, at }, context) => {
      const waiting = Object.entries(context.state.get<Waiting>('waiting') ?? {});
      for (const [event, due] of waiting) if (due <= at) context.forward(fired, key, Number(event));
      wait(context, Object.fromEntries(waiting.filter(([, due]) => due > at)));
    },
  };
  return withHandover(processor, {
    marker: ({ value }) =>
      typeof value === 'object' && value !== null && 'marker' in value ? (value.marker as HandoverMarker) : undefined,
    loop,
    sources: ['shop'],
    merge: (_key, _loser, parts, context) => {
      add(context, (parts['events'] as number[] | undefined) ?? []);
      wait(context, { ...context.state.get<Waiting>('waiting'), ...(parts['waiting'] as Waiting | undefined) });
    },
  });
}

/** Writers label events with a customer each until they are told to seal it, while customers merge into others. */
function world(seed: number, tamper?: (value: Value) => Value | undefined) {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const customers = Array.from({ length: 2 + Math.floor(random() * 5) }, (_, i) => `c${i}`);
  const label = new Map<string, string>(
    customers.flatMap((customer) => [0, 1, 2].map((i) => [`${customer}-w${i}`, customer] as const)),
  );
  const holders = new Map(customers.map((customer) => [customer, [0, 1, 2].map((i) => `${customer}-w${i}`)] as const));
  const orders = new Map<string, { loser: string; winner: string }[]>();
  const alive = [...customers];
  const broken: string[] = [];
  const simulation = new KeySimulation({
    processors: [counting()],
    random,
    tamper: (message) => {
      if (message.topic === fired.name) checkFiring(message.key);
      if (message.topic !== records.name || !tamper) return message;
      const value = tamper(message.value as Value);
      return value && { ...message, value };
    },
  });
  const write = (key: string, value: Value): void => simulation.send(records, key, value);
  const decided = new Set<string>();
  /** Whoever has read an opening or its own closing must not fire before the states are together. */
  const checkFiring = (key: string): void => {
    for (const pair of decided) {
      const [loser, winner] = pair.split('>') as [string, string];
      const closed = simulation.state<{ closedTo: string | null }>('count', loser, '~')?.closedTo;
      if (key === winner && opened.has(pair) && !absorbed(loser)) broken.push(`${key} fired with ${loser} on its way`);
      if (key === loser && closed) broken.push(`${key} fired after its end`);
    }
  };
  const opened = new Set<string>();
  const absorbed = (loser: string): boolean =>
    [...customers].every((other) => {
      const state = simulation.state<{ openings: string[] }>('count', other, '~');
      return !state?.openings.includes(loser);
    }) && simulation.state<{ closedTo: string | null }>('count', loser, '~')?.closedTo !== undefined;

  let events = 0;
  for (let i = 0; i < 60; i++) {
    const act = random();
    if (act < 0.4) write(label.get(pick([...label.keys()])) ?? '', { event: events++, due: Math.floor(random() * 100) });
    else if (act < 0.5 && alive.length > 1) {
      const loser = alive.splice(Math.floor(random() * alive.length), 1)[0] as string;
      const winner = pick(alive);
      const members = holders.get(loser) ?? [];
      decided.add(`${loser}>${winner}`);
      write(winner, { marker: { kind: 'opening', loser, winner, members: [] } });
      write(loser, { marker: { kind: 'closing', loser, winner, members } });
      for (const member of members) orders.set(member, [...(orders.get(member) ?? []), { loser, winner }]);
      holders.set(winner, [...(holders.get(winner) ?? []), ...members]);
    } else if (act < 0.6) obey(pick([...label.keys()]));
    else if (act < 0.65) simulation.clocks.set(TICK, (simulation.clocks.get(TICK) ?? 0) + 5);
    else if (simulation.step()) noteOpenings();
  }
  for (const member of label.keys()) while (obey(member));
  simulation.clocks.set(TICK, 1000);
  while (simulation.step()) noteOpenings();

  function noteOpenings(): void {
    for (const pair of decided) {
      const [loser, winner] = pair.split('>') as [string, string];
      if (simulation.state<{ openings: string[] }>('count', winner, '~')?.openings.includes(loser)) opened.add(pair);
    }
  }

  function obey(member: string): boolean {
    const order = orders.get(member)?.shift();
    if (!order) return false;
    label.set(member, order.winner);
    write(order.loser, { marker: { kind: 'sealed', ...order, members: [member] } });
    return true;
  }

  const live = alive.flatMap((key) => simulation.state<number[]>('count', key, 'events') ?? []);
  const told = simulation.sent.filter((message) => message.topic === fired.name).map(({ value }) => value as number);
  return { simulation, broken, events, live, told, ended: customers.filter((key) => !alive.includes(key)) };
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('withHandover', () => {
  it('keeps every event in exactly one live key and tells of each exactly once, in any interleaving of events, markers and timers', () => {
    assert(
      property(integer(), (seed) => {
        const { simulation, broken, events, live, told, ended } = world(seed);
        expect(broken).toEqual([]);
        expect(simulation.rejected).toEqual([]);
        expect(sorted(live)).toEqual(upTo(events));
        expect(sorted(told)).toEqual(upTo(events));
        expect(simulation.marked('hold')).toEqual([]);
        for (const key of ended)
          expect(simulation.state<{ closedTo: string | null }>('count', key, '~')?.closedTo).not.toBeNull();
        expect(simulation.counts.get('handovers_followed')).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('takes a state that comes before its opening was read', () => {
    const simulation = new KeySimulation({ processors: [counting()], random: () => 0 });
    simulation.send(records, 'w', { event: 1, due: 50 });
    simulation.send(loop, 'w', { kind: 'absorb', processor: 'count', from: 'l', parts: { events: [2], waiting: { 2: 60 } } });
    simulation.run();
    simulation.send(records, 'w', { marker: { kind: 'opening', loser: 'l', winner: 'w', members: [] } });
    simulation.run();
    expect(simulation.state('count', 'w', 'events')).toEqual([1, 2]);
    expect(simulation.state('count', 'w', '~')).toBeUndefined();
  });

  it('fires the timers it held when the state has come, and leaves those of another processor alone', () => {
    const simulation = new KeySimulation({ processors: [counting()], random: () => 0 });
    simulation.send(records, 'w', { event: 1, due: 50 });
    simulation.send(records, 'w', { marker: { kind: 'opening', loser: 'l', winner: 'w', members: [] } });
    simulation.run();
    simulation.clocks.set(TICK, 100);
    simulation.send(loop, 'w', { kind: 'absorb', processor: 'another', from: 'l', parts: {} });
    simulation.run();
    expect(simulation.sent).toEqual([]);
    simulation.send(loop, 'w', { kind: 'absorb', processor: 'count', from: 'l', parts: {} });
    simulation.run();
    expect(simulation.sent.map(({ value }) => value)).toEqual([1]);
  });

  it('keeps the claims of both keys where they are until the state has come', () => {
    const simulation = new KeySimulation({ processors: [counting()], random: () => 0 });
    const marker = { loser: 'l', winner: 'w', members: [] };
    simulation.clocks.set('shop', 70);
    simulation.send(records, 'w', { marker: { ...marker, kind: 'opening' } });
    simulation.send(records, 'l', { marker: { ...marker, kind: 'closing', members: ['m'] } });
    simulation.run();
    expect(simulation.marked('hold').sort()).toEqual(['count/l/~hold/shop', 'count/w/~hold/shop']);
    simulation.send(records, 'l', { marker: { ...marker, kind: 'sealed', members: ['m'] } });
    simulation.run();
    expect(simulation.marked('hold')).toEqual([]);
    expect(simulation.state('count', 'l', '~')).toMatchObject({ closedTo: 'w' });
  });

  it('refuses what comes for a key that has ended', () => {
    const simulation = new KeySimulation({ processors: [counting()], random: () => 0 });
    simulation.send(records, 'l', { marker: { kind: 'closing', loser: 'l', winner: 'w', members: [] } });
    simulation.send(records, 'l', { event: 1, due: 5 });
    simulation.run();
    expect(simulation.rejected).toEqual(['the key has ended and its state has gone to another']);
  });

  it('loses events if the loser does not wait for the seals', () => {
    const noSeals = (value: Value): Value =>
      'marker' in value && value.marker.kind === 'closing' ? { marker: { ...value.marker, members: [] } } : value;
    const failed = upTo(50).filter((seed) => {
      const { simulation, events, live } = world(seed, noSeals);
      return simulation.rejected.length > 0 && live.length < events;
    });
    expect(failed.length).toBeGreaterThan(0);
  });

  it('sends a state after a key that has ended if openings are not awaited', () => {
    const noOpenings = (value: Value): Value | undefined =>
      'marker' in value && value.marker.kind === 'opening' ? undefined : value;
    const failed = upTo(100).filter((seed) => world(seed, noOpenings).simulation.counts.get('handovers_followed'));
    expect(failed.length).toBeGreaterThan(0);
  });
});
