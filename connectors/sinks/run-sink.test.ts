import { describe, expect, it } from '@jest/globals';
import { FreshetError } from '../../runtime/errors.ts';
import { SinkWorld } from './testing/sink-world.ts';

describe('a sink', () => {
  it('records attempting before the effect and the outcome after it', async () => {
    const world = new SinkWorld();
    let before: readonly string[] = [];
    world.answer = async (request) => {
      before = world.outcomes(request.id).map(({ status }) => status);
      return { kind: 'sent', reference: 'r1' };
    };
    const running = await world.run();
    world.request('a');
    await world.settled('a');
    expect(before).toEqual(['attempting']);
    expect(world.outcomes('a')).toMatchObject([
      { status: 'attempting', attempt: 1 },
      { status: 'sent', attempt: 1, reference: 'r1', because: 'because', segment: 'some' },
    ]);
    await world.stop(running);
  });

  it('tries again later what may work later, and counts the attempts', async () => {
    const world = new SinkWorld();
    world.answer = async (_, { attempt }) =>
      attempt < 3 ? { kind: 'retry', reason: 'busy', afterMs: 5000 } : { kind: 'sent', reference: 'r' };
    const running = await world.run();
    const began = world.timing.now();
    world.request('a');
    await world.settled('a');
    expect(world.delivered.map(({ attempt, at }) => [attempt, at - began])).toEqual([
      [1, 0],
      [2, 5000],
      [3, 10_000],
    ]);
    expect(world.outcomes('a').map(({ status, reason }) => `${status}:${reason}`)).toEqual([
      'attempting:',
      'attempting:busy',
      'attempting:busy',
      'sent:',
    ]);
    await world.stop(running);
  });

  it('tells what waits and for how long, and stamps itself as the last hop', async () => {
    const world = new SinkWorld();
    world.answer = async (_, { attempt }) =>
      attempt === 1 ? { kind: 'retry', reason: 'busy', afterMs: 5000 } : { kind: 'sent', reference: 'r' };
    const running = await world.run();
    const at = world.timing.now();
    const hops = [{ hop: 'before', at: at - 10, ms: 3 }];
    world.request('a', { proof: { now: at, lagMs: 0, sources: [], hops, tables: [] } });
    await world.timing.until(() => world.delivered.length === 1);
    world.timing.advance(1000);
    expect(running.status()).toEqual({ finished: 0, waiting: 1, lagMs: 1000 });
    await world.settled('a');
    expect(running.status()).toEqual({ finished: 1, waiting: 0, lagMs: 0 });
    expect(world.outcomes('a').at(-1)?.proof.hops).toEqual([
      ...hops,
      { hop: 'test-sink', at: world.timing.now(), ms: world.timing.now() - at + 10 },
    ]);
    await world.stop(running);
  });

  it('does not send what has expired, and says so', async () => {
    const world = new SinkWorld();
    const running = await world.run();
    world.request('old', { expiresAt: world.timing.now() - 1 });
    world.request('slow', { expiresAt: world.timing.now() + 8000 });
    world.answer = async () => ({ kind: 'retry', reason: 'busy', afterMs: 5000 });
    await world.settled('old', 'slow');
    expect(world.statuses()).toEqual({ old: 'expired', slow: 'expired' });
    expect(world.delivered.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['slow', 1],
      ['slow', 2],
    ]);
    await world.stop(running);
  });

  it('gives up at once on a permanent failure', async () => {
    const world = new SinkWorld();
    world.answer = async () => ({ kind: 'failed', reason: 'no such mailbox', permanent: true });
    const running = await world.run();
    world.request('a');
    await world.settled('a');
    expect(world.outcomes('a').at(-1)).toMatchObject({ status: 'failed', reason: 'no such mailbox' });
    expect(world.delivered).toHaveLength(1);
    await world.stop(running);
  });

  it('keeps the order of an address while others overtake', async () => {
    const world = new SinkWorld();
    const held = Promise.withResolvers<void>();
    world.answer = async (request) => {
      if (request.id === 'a1') await held.promise;
      return { kind: 'sent', reference: 'r' };
    };
    const running = await world.run();
    world.request('a1', { to: 'same@example.com' });
    world.request('a2', { to: 'same@example.com' });
    world.request('b');
    await world.timing.until(() => world.statuses()['b'] === 'sent');
    expect(world.delivered.map(({ id }) => id).filter((id) => id.startsWith('a'))).toEqual(['a1']);
    held.resolve();
    await world.settled('a1', 'a2');
    expect(world.delivered.map(({ id }) => id).filter((id) => id.startsWith('a'))).toEqual(['a1', 'a2']);
    await world.stop(running);
  });

  it('has no more attempts under way than it may', async () => {
    const world = new SinkWorld();
    let now = 0;
    let most = 0;
    world.answer = async () => {
      most = Math.max(most, ++now);
      await world.timing.sleep(100);
      now--;
      return { kind: 'sent', reference: 'r' };
    };
    const running = await world.run({ concurrency: 1 });
    const ids = Array.from({ length: 24 }, (_, i) => `r${i}`);
    for (const id of ids) world.request(id);
    await world.settled(...ids);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    await world.stop(running);
  });

  it('sends a request that was written twice once, also after a restart', async () => {
    const world = new SinkWorld();
    const first = await world.run();
    world.request('a');
    world.request('a');
    await world.settled('a');
    await world.stop(first);
    const second = await world.run();
    world.request('a');
    world.request('b');
    await world.settled('b');
    await world.timing.until(() => world.counts.get('duplicate') === 2);
    expect(world.delivered.map(({ id }) => id).sort()).toEqual(['a', 'b']);
    await world.stop(second);
  });

  it('leaves the requests of other channels alone', async () => {
    const world = new SinkWorld();
    const running = await world.run();
    world.request('sms', { channel: 'other', to: 'x@example.com' });
    world.request('a', { to: 'x@example.com' });
    await world.settled('a');
    expect(world.statuses()).toEqual({ a: 'sent' });
    await world.stop(running);
  });

  it('rejects what is no request, with its bytes, and goes on', async () => {
    const world = new SinkWorld();
    const running = await world.run();
    world.append(Buffer.from('{'));
    await world.timing.until(() => world.broker.records('events.rejected').length === 1);
    const rejected = JSON.parse(world.broker.records('events.rejected')[0]?.value?.toString() ?? '') as unknown;
    expect(rejected).toMatchObject({ partition: 1, offset: 0, step: 'decode', value: { data: [...Buffer.from('{')] } });
    world.request('a');
    await world.settled('a');
    await world.stop(running);
  });

  it('takes over afresh after a failed transaction, and doubts what it had begun', async () => {
    const world = new SinkWorld();
    world.answer = async () => {
      if (world.delivered.length === 1) {
        world.broker.failNext('transact', new FreshetError('TRANSACTION_FAILED', 'cut off', { retryable: true }));
      }
      return { kind: 'sent', reference: 'r' };
    };
    const running = await world.run();
    world.request('a');
    await world.settled('a');
    expect(world.delivered.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
    expect(world.counts.get('unknown-attempt')).toBe(1);
    await world.stop(running);
  });

  it('applies the policy of the channel to an attempt that does not answer in time', async () => {
    for (const [policy, attempts, status] of [
      ['repeat', 2, 'sent'],
      ['skip', 1, 'unknown'],
    ] as const) {
      const world = new SinkWorld();
      world.onUnknown = policy;
      world.answer = (_, { attempt }) =>
        attempt === 1 ? new Promise(() => undefined) : Promise.resolve({ kind: 'sent', reference: 'r' });
      const running = await world.run();
      world.request('a');
      await world.settled('a');
      expect([world.delivered.length, world.statuses()['a']]).toEqual([attempts, status]);
      await world.stop(running);
    }
  });

  it('does not act on a lease that ran out while it was being recorded', async () => {
    const world = new SinkWorld();
    const kafka = world.broker.client();
    let stalls = 0;
    const original = kafka.transactionalProducer.bind(kafka);
    kafka.transactionalProducer = (id) => {
      const producer = original(id);
      return {
        init: (signal) => producer.init(signal),
        close: () => producer.close(),
        transact: async (batches) => {
          if (batches.some(({ topic }) => topic === 'activations.outcomes') && stalls++ === 0) world.timing.advance(6000);
          return producer.transact(batches);
        },
      };
    };
    const running = await world.run({}, kafka);
    world.request('a');
    await world.settled('a');
    expect(world.delivered.map(({ attempt }) => attempt)).toEqual([2]);
    await world.stop(running);
  });

  it('forgets what was finished long ago', async () => {
    const world = new SinkWorld();
    const running = await world.run({ rememberMs: 60_000 });
    world.request('a', { to: 'x@example.com' });
    await world.settled('a');
    world.timing.advance(61_000);
    world.request('b', { to: 'x@example.com' });
    await world.settled('b');
    const ledger = world.broker.records('test.ledger').filter(({ key }) => key?.toString() === 'a');
    expect(ledger.at(-1)?.value).toBeNull();
    await world.stop(running);
  });
});
