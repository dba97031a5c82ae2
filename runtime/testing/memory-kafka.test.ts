import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from '../clock.ts';
import type { TransactionalProducer } from '../kafka/contract.ts';
import { MemoryBroker } from './memory-kafka.ts';
import type { MemoryBrokerOptions, Nastiness } from './memory-kafka.ts';

const record = (value: string, key: string | null = null): { key: Buffer | null; value: Buffer } => ({
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from(value),
});
const at = { topic: 'letters', partition: 1 };

function broker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new MemoryBroker({ topics: { letters: 4 }, ...options });
}

async function producer(of: MemoryBroker, id = 'txn'): Promise<TransactionalProducer> {
  const made = of.client().transactionalProducer(id);
  await made.init();
  return made;
}

const values = (of: MemoryBroker): string[] => of.records('letters').map(({ value }) => String(value));
const boom = new Error('boom');

describe('MemoryBroker', () => {
  it('fails a transaction before, in the middle, and after it took effect', async () => {
    const kafka = broker();
    for (const [where, expected] of [
      ['before', []],
      ['open', []],
      ['after', ['after']],
    ] as const) {
      const txn = await producer(kafka);
      kafka.failNext('transact', boom, { at: where });
      await expect(txn.transact([{ ...at, records: [record(where)] }])).rejects.toMatchObject({
        code: 'TRANSACTION_FAILED',
        cause: boom,
      });
      await expect(txn.transact([{ ...at, records: [record('again')] }])).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
      expect(values(kafka)).toEqual(expected);
    }
  });

  it('leaves a transaction that failed in the middle open until the id is taken over', async () => {
    const kafka = broker();
    const txn = await producer(kafka);
    kafka.failNext('transact', boom, { at: 'open' });
    await txn.transact([{ ...at, records: [record('lost')] }]).catch(() => undefined);
    const stream = kafka.client().reader().open(at, 0);
    kafka.append('letters', 1, [record('behind')]);
    await kafka.settled();
    expect([stream.queued, stream.position]).toEqual([0, 0]);
    await producer(kafka);
    await kafka.settled();
    expect(stream.take(9).map(({ value }) => String(value))).toEqual(['behind']);
  });

  it('fails only the subject that was named, and each fault once', async () => {
    const kafka = broker();
    const [one, two] = [await producer(kafka, 'one'), await producer(kafka, 'two')];
    kafka.failNext('transact', boom, { subject: 'two' });
    await one.transact([{ ...at, records: [record('1')] }]);
    await expect(two.transact([{ ...at, records: [record('2')] }])).rejects.toMatchObject({ cause: boom });
    await (await producer(kafka, 'two')).transact([{ ...at, records: [record('2')] }]);
    expect(values(kafka)).toEqual(['1', '2']);
  });

  it('can lose the answer to a send', async () => {
    const kafka = broker();
    const plain = kafka.client().producer();
    kafka.failNext('send', boom, { at: 'after' });
    await expect(plain.send({ ...at, records: [record('written')] })).rejects.toBe(boom);
    await plain.send({ ...at, records: [record('next')] });
    expect(values(kafka)).toEqual(['written', 'next']);
  });

  it('aborts and fences what has been open for too long', async () => {
    const kafka = broker();
    const open = await kafka.begin('slow', [at]);
    await open.write([{ ...at, records: [record('slow')] }]);
    kafka.expireTransactions();
    await expect(open.commit()).rejects.toMatchObject({ code: 'FENCED' });
    expect(values(kafka)).toEqual([]);
  });

  it('stamps with its clock where the topic says append time', async () => {
    const kafka = broker({ clock: new ManualClock(5_000) });
    const client = kafka.client();
    const config = { 'message.timestamp.type': 'LogAppendTime' };
    await client.admin.createTopics([{ name: 'stamped', partitions: 2, config }]);
    const sent = { topic: 'stamped', partition: 0, records: [{ ...record('x'), timestamp: 1 }] };
    expect(await client.producer().send(sent)).toMatchObject({ appendTime: 5_000 });
    expect(kafka.records('stamped')).toMatchObject([{ timestamp: 5_000, partition: 0, offset: 0 }]);
  });

  it('compacts to the last record of each key, as far as transactions are decided, and keeps offsets', async () => {
    const kafka = broker();
    const txn = await producer(kafka);
    kafka.append('letters', 1, [record('a1', 'a'), record('b1', 'b'), record('keyless')]);
    await txn.transact([{ ...at, records: [record('a2', 'a'), { key: Buffer.from('b'), value: null }] }]);
    const open = await kafka.begin('open', [at]);
    await open.write([{ ...at, records: [record('a3', 'a')] }]);
    kafka.compact('letters');
    expect(kafka.records('letters').map(({ offset, value }) => [offset, value?.toString()])).toEqual([
      [2, 'keyless'],
      [3, 'a2'],
      [4, undefined],
    ]);
    await open.commit();
    kafka.compact('letters', { dropTombstones: true });
    expect(kafka.records('letters').map(({ offset }) => offset)).toEqual([2, 6]);
    const stream = kafka.client().reader().open(at, 3);
    await kafka.settled();
    expect(stream.take(9).map(({ offset }) => offset)).toEqual([6]);
    expect(stream.position).toBe(8);
  });

  it('gives the tasks of a member whose session ends to the others, and lets it join again', async () => {
    const kafka = broker();
    const seen: Record<string, readonly number[]> = {};
    const lost: string[] = [];
    for (const name of ['a', 'b']) {
      const onAssignment = (tasks: readonly number[]): void => void (seen[name] = tasks);
      const onLost = (): void => void lost.push(name);
      const options = { group: 'g', topic: 'letters', tasks: 4, owned: () => [], onAssignment, onLost };
      await kafka.client().member(options).start();
      await kafka.settled();
    }
    expect(seen).toEqual({ a: [0, 1], b: [2, 3] });
    kafka.expireMember('g', 0, { rejoin: false });
    await kafka.settled();
    expect([seen, lost]).toEqual([{ a: [0, 1], b: [0, 1, 2, 3] }, []]);
    kafka.expireMember('g', 0);
    await kafka.settled();
    expect([seen['b'], lost]).toEqual([[0, 1, 2, 3], ['b']]);
  });

  it('with trouble shows the same to every reader in the end, and the same run for the same seed', async () => {
    const trouble = fc.record({
      seed: fc.nat(),
      lateMarkers: fc.boolean(),
      linger: fc.boolean(),
      staleHighWatermark: fc.boolean(),
      delayedDelivery: fc.boolean(),
      lateAnswers: fc.boolean(),
    });
    const run = async (nastiness: Nastiness): Promise<string[]> => {
      const kafka = broker({ nastiness });
      const client = kafka.client();
      const trace: string[] = [];
      const stream = client.reader().open(at, 0, { notify: () => trace.push(`${stream.queued}@${stream.position}`) });
      const txn = await producer(kafka);
      const plain = client.producer();
      for (let index = 0; index < 5; index++) {
        const [sent] = await Promise.all([
          plain.send({ ...at, records: [record(`plain${index}`)] }),
          txn.transact([{ ...at, records: [record(`txn${index}`)] }]),
        ]);
        trace.push(`sent ${sent.baseOffset}`);
      }
      const end = (await client.admin.endOffsets([at])).get('letters-1');
      await kafka.settled();
      expect(stream.queued).toBe(10);
      expect(stream.take(10).map(({ offset }) => offset)).toEqual(kafka.records('letters').map(({ offset }) => offset));
      expect(stream.position).toBeGreaterThanOrEqual(end ?? Infinity);
      return trace;
    };
    await fc.assert(
      fc.asyncProperty(trouble, async (nastiness) => {
        expect(await run(nastiness)).toEqual(await run(nastiness));
      }),
      { numRuns: 50 },
    );
  });

  it('may answer before the markers are written: the position waits at the last stable offset', async () => {
    const late: number[] = [];
    for (let seed = 0; seed < 20; seed++) {
      const kafka = broker({ nastiness: { seed, lateMarkers: true } });
      const stream = kafka.client().reader().open(at, 0);
      await (await producer(kafka)).transact([{ ...at, records: [record('x')] }]);
      late.push(kafka.records('letters').length === 0 ? 1 : 0);
      await kafka.settled();
      expect(stream.take(9)).toHaveLength(1);
    }
    expect(new Set(late)).toEqual(new Set([0, 1]));
  });
});
