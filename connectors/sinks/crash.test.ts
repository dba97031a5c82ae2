import { describe, expect, it } from '@jest/globals';
import { FreshetError } from '../../runtime/errors.ts';
import type { Kafka, TransactionalProducer } from '../../runtime/kafka/contract.ts';
import type { Sink } from './contract.ts';
import { SinkWorld } from './testing/sink-world.ts';

/** Lets a process live for so many steps; then whatever it calls never answers, as if it had been killed there. */
class Life {
  steps = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get over(): boolean {
    return this.steps > this.#limit;
  }

  async step(): Promise<void> {
    if (this.steps++ >= this.#limit) await new Promise(() => undefined);
  }

  kafka(kafka: Kafka): Kafka {
    const mortal = (producer: TransactionalProducer): TransactionalProducer => ({
      init: (signal) => producer.init(signal),
      close: () => producer.close(),
      transact: async (batches) => {
        await this.step();
        const result = await producer.transact(batches);
        await this.step();
        return result;
      },
    });
    return {
      admin: kafka.admin,
      reader: () => kafka.reader(),
      producer: () => kafka.producer(),
      transactionalProducer: (id) => mortal(kafka.transactionalProducer(id)),
      member: (options) => kafka.member(options),
      close: () => kafka.close(),
    };
  }

  sink(sink: Sink): Sink {
    return {
      ...sink,
      deliver: async (request, context) => {
        await this.step();
        const delivery = await sink.deliver(request, context);
        await this.step();
        return delivery;
      },
    };
  }
}

const ids = ['a', 'b', 'c'];

/** One address, so that the three requests are strictly one after the other. */
async function killedAt(step: number, onUnknown: 'repeat' | 'skip'): Promise<{ world: SinkWorld; reached: boolean }> {
  const world = new SinkWorld();
  world.onUnknown = onUnknown;
  const life = new Life(step);
  await world.run({ sink: life.sink(world.sink), count: () => undefined }, life.kafka(world.broker.client()));
  for (const id of ids) world.request(id, { to: 'one@example.com' });
  await world.timing.until(() => life.over || ids.every((id) => world.statuses()[id] === 'sent'));
  if (!life.over) return { world, reached: false };
  world.broker.expireMember('test-sink', 0, { rejoin: false });
  const tookOver = world.timing.now();
  const second = await world.run();
  await world.settled(...ids);
  for (const { id, at, attempt } of world.delivered) {
    if (attempt > 1) expect([id, at - tookOver >= 15_000]).toEqual([id, true]);
  }
  await world.stop(second);
  return { world, reached: true };
}

describe('a sink that is killed', () => {
  it.each(['repeat', 'skip'] as const)('at any step repeats at most the one in doubt, under its own key (%s)', async (policy) => {
    let step = 0;
    let doubtful = 0;
    for (; ; step++) {
      const { world, reached } = await killedAt(step, policy);
      if (!reached) break;
      const times = ids.map((id) => world.delivered.filter((delivered) => delivered.id === id).length);
      const unknown = ids.filter((id) => world.statuses()[id] === 'unknown');
      const inDoubt = world.counts.get('unknown-attempt') ?? 0;
      doubtful += inDoubt;
      expect(inDoubt).toBeLessThanOrEqual(1);
      expect(times.filter((n) => n > 1).length).toBeLessThanOrEqual(policy === 'repeat' ? inDoubt : 0);
      expect(Math.max(...times)).toBeLessThanOrEqual(2);
      expect(unknown).toHaveLength(policy === 'skip' ? inDoubt : 0);
      for (const id of ids) if (!unknown.includes(id)) expect([step, world.statuses()[id]]).toEqual([step, 'sent']);
      expect(times.every((n, i) => n >= 1 || unknown.includes(ids[i] ?? ''))).toBe(true);
    }
    expect(step).toBeGreaterThanOrEqual(18);
    expect(doubtful).toBeGreaterThanOrEqual(9);
  });

  it.each([1, 2, 3])(
    'by one transaction after another ends every request, and counts every repetition (seed %i)',
    async (seed) => {
      const world = new SinkWorld();
      world.broker.nastiness = { seed, lateMarkers: true, staleHighWatermark: true, delayedDelivery: true, lateAnswers: true };
      world.timing.turns = 500;
      const running = await world.run();
      const many = Array.from({ length: 60 }, (_, i) => `r${i}`);
      for (const [i, id] of many.entries()) {
        world.request(id, { to: `${i % 7}@example.com` });
        const at = (['before', 'open', 'after'] as const)[i % 3] ?? 'before';
        if (i % 6 === 0) world.broker.failNext('transact', new FreshetError('TRANSACTION_FAILED', 'cut off'), { at });
      }
      await world.settled(...many);
      expect(new Set(Object.values(world.statuses()))).toEqual(new Set(['sent']));
      expect(new Set(world.delivered.map(({ id }) => id)).size).toBe(many.length);
      expect(world.delivered.length - many.length).toBeLessThanOrEqual(world.counts.get('unknown-attempt') ?? 0);
      await world.stop(running);
    },
  );

  it('and wakes up as a zombie, begins nothing any more', async () => {
    const world = new SinkWorld();
    const zombie = await world.run();
    world.request('a', { to: 'one@example.com' });
    await world.settled('a');
    world.broker.expireMember('test-sink', 0, { rejoin: false });
    const second = await world.run();
    await world.broker.settled();
    world.request('b', { to: 'one@example.com' });
    await world.settled('b');
    expect(world.delivered.map(({ id }) => id)).toEqual(['a', 'b']);
    await world.stop(second);
    await world.stop(zombie);
  });
});
