import { setTimeout as delay } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from '@jest/globals';
import type { ProduceBatch } from '../../../runtime/kafka/contract.ts';
import type { TopicPartition } from '../../../runtime/record.ts';
import { injectDamage, injectWireFault, withErrorCode, type WireFault } from '../../support/wire-faults.ts';
import { compacted, failure, record, records, values, Watched } from './harness.ts';
import type { Bench } from './harness.ts';

/** A known defect of kafkajs 2.2.4 as a promise that a client has to keep. */
export interface Defect {
  /** What a client without it does. */
  readonly promise: string;
  /** What plain kafkajs is seen to do: it breaks the promise each time, or it happens to keep it. */
  readonly kafkajs: 'breaks' | 'keeps';
  /** Nothing else may go on in the process meanwhile. */
  readonly alone?: true;
  /** Takes long: not in every run. */
  readonly byHand?: true;
  /** Throws where the promise is broken. */
  readonly check: (bench: Bench) => Promise<void>;
}

const INIT_PRODUCER_ID = 22;
const ADD_PARTITIONS = 24;
const END_TXN = 26;
const PRODUCE = 0;
const CONCURRENT_TRANSACTIONS = 51;

/** Those that show on every run; each takes some seconds at most. */
export const defects: readonly Defect[] = [
  {
    promise: 'hides what two aborted transactions that overlap have written',
    kafkajs: 'breaks',
    check: async (bench) => {
      const at = await fresh(bench);
      const [a, b] = [await bench.begin([at]), await bench.begin([at])];
      await a.write([{ ...at, records: [record('a1')] }]);
      await b.write([{ ...at, records: [record('b1')] }]);
      await b.abort();
      await a.write([{ ...at, records: [record('a2')] }]);
      await a.abort();
      await commit(bench, [{ ...at, records: [record('c1')] }]);
      expect(values(await bench.read(at))).toEqual(['c1']);
    },
  },
  {
    promise: 'hides an aborted record whose key is four bytes of zero, and what follows it',
    kafkajs: 'breaks',
    check: async (bench) => {
      const at = await fresh(bench);
      const open = await bench.begin([at]);
      await open.write([{ ...at, records: [{ key: Buffer.alloc(4), value: Buffer.from('zero') }, record('behind')] }]);
      await open.abort();
      await commit(bench, [{ ...at, records: [record('c1')] }]);
      expect(values(await bench.read(at))).toEqual(['c1']);
    },
  },
  {
    promise: 'hides two aborted transactions when a fetch begins inside of both',
    kafkajs: 'breaks',
    check: async (bench) => {
      const at = await fresh(bench);
      const [first, second] = [await bench.begin([at]), await bench.begin([at])];
      await first.write([{ ...at, records: records(2, 'first') }]);
      await second.write([{ ...at, records: records(2, 'second') }]);
      await second.write([{ ...at, records: records(1, 'late') }]);
      await first.write([{ ...at, records: records(1, 'last') }]);
      await first.abort();
      await second.abort();
      await commit(bench, [{ ...at, records: [record('c1')] }]);
      expect(values(await bench.read(at, 4))).toEqual(['c1']);
    },
  },
  {
    // The patience that a coordinator asks for after nearly every commit, while another broker takes its time.
    promise: 'writes each record of a transaction over three brokers once when one asks for patience',
    kafkajs: 'breaks',
    alone: true,
    check: async (bench) => {
      const topic = await bench.topic(6);
      const partitions = [0, 1, 2, 3, 4, 5].map((partition) => ({ topic, partition }));
      for (const at of partitions) await ready(bench, at);
      const txn = bench.kafka.transactionalProducer(bench.name('txn'));
      await txn.init();
      const rounds = Array.from({ length: 3 }, (_, round) => `t${round}`);
      const patience = {
        apiKey: ADD_PARTITIONS,
        times: 1,
        answer: (frame: Buffer) => withErrorCode(frame, -2, CONCURRENT_TRANSACTIONS),
      };
      const slow = { apiKey: PRODUCE, times: 1, answer: (frame: Buffer) => frame, lateMs: 1_000 };
      for (const value of rounds) {
        const transact = (): Promise<unknown> => txn.transact(partitions.map((at) => ({ ...at, records: [record(value)] })));
        await under(patience, () => under(slow, transact));
      }
      await txn.close();
      for (const at of partitions) expect(values(await bench.read(at))).toEqual(['ready', ...rounds]);
    },
  },
  {
    promise: 'begins the next transaction in milliseconds after a commit',
    kafkajs: 'breaks',
    check: async (bench) => {
      const at = await fresh(bench);
      const txn = bench.kafka.transactionalProducer(bench.name('txn'));
      await txn.init();
      const took: number[] = [];
      for (let round = 0; round < 9; round++) {
        const began = performance.now();
        await txn.transact([{ ...at, records: [record('t')] }]);
        took.push(performance.now() - began);
      }
      await txn.close();
      expect(took.toSorted((one, other) => one - other)[4]).toBeLessThan(200);
    },
  },
  {
    promise: 'keeps the order of sends that overlap while a connection breaks, and writes each once',
    kafkajs: 'breaks',
    alone: true,
    check: async (bench) => {
      const at = await fresh(bench);
      const producer = bench.kafka.producer();
      await producer.send({ ...at, records: [record('first')] });
      const sent = Array.from({ length: 200 }, (_, index) => `r${index}`);
      const lost = { apiKey: PRODUCE, times: 1, answer: () => undefined };
      await under(lost, () => Promise.all(sent.map((value) => producer.send({ ...at, records: [record(value)] }))));
      expect(values(await bench.read(at))).toEqual(['first', ...sent]);
    },
  },
  {
    promise: 'asks for a producer id until it gets one',
    kafkajs: 'breaks',
    alone: true,
    check: async (bench) => {
      const at = await fresh(bench);
      // The body begins with the time to be throttled for.
      const busy = (frame: Buffer): Buffer => withErrorCode(frame, 12, CONCURRENT_TRANSACTIONS);
      const txn = bench.kafka.transactionalProducer(bench.name('txn'));
      const met = await under({ apiKey: INIT_PRODUCER_ID, times: 8, answer: busy }, () => txn.init());
      expect(met).toBe(8);
      await txn.transact([{ ...at, records: [record('c1')] }]);
      expect(values(await bench.read(at))).toEqual(['c1']);
    },
  },
  {
    promise: 'reads what a broker has compressed with any codec, and what lies behind it',
    kafkajs: 'breaks',
    check: async (bench) => {
      for (const codec of ['snappy', 'lz4', 'zstd']) {
        const at = await fresh(bench, { 'compression.type': codec });
        const sent = records(50, 'again and again ');
        await commit(bench, [{ ...at, records: sent }]);
        expect(values(await bench.read(at))).toEqual(sent.map(({ value }) => String(value)));
      }
    },
  },
  {
    promise: 'encodes 30,000 records of one send without standing still',
    kafkajs: 'breaks',
    alone: true,
    byHand: true,
    check: async (bench) => {
      const at = await fresh(bench);
      const producer = bench.kafka.producer();
      await producer.send({ ...at, records: [record('warm')] });
      const stall = monitorEventLoopDelay({ resolution: 10 });
      stall.enable();
      await producer.send({ ...at, records: Array.from({ length: 30_000 }, () => record('r', null)) });
      stall.disable();
      expect(stall.max / 1e6).toBeLessThan(700);
    },
  },
  {
    promise: 'hands out nothing that was damaged on its way',
    kafkajs: 'breaks',
    alone: true,
    check: async (bench) => {
      const at = await fresh(bench);
      await commit(bench, [{ ...at, records: [record('a true value', 'k')] }]);
      const reader = bench.kafka.reader();
      const { end } = injectDamage('a true value', 'a FALSE one!');
      const found = await new Watched(reader, at).take(1).then(values, (error: unknown) => error);
      end();
      await reader.close();
      expect(found).toEqual(['a true value']);
    },
  },
  {
    promise: 'says so when an offset is gone, and never goes on elsewhere',
    kafkajs: 'breaks',
    check: async (bench) => {
      const at = await fresh(bench);
      await bench.kafka.producer().send({ ...at, records: records(10) });
      await bench.harness.truncate(at, 4);
      const reader = bench.kafka.reader();
      const found = await new Watched(reader, at, 1).take(1).catch((error: unknown) => error);
      await reader.close();
      expect(found).toHaveProperty('code', 'OFFSET_OUT_OF_RANGE');
    },
  },
  {
    promise: 'reads past batches that compaction has emptied',
    kafkajs: 'keeps',
    byHand: true,
    check: async (bench) => {
      const at = await fresh(bench, compacted);
      // The broker keeps the last batch of each producer, without records when all are superseded.
      for (const value of ['one', 'two', 'three']) await commit(bench, [{ ...at, records: [record(value, 'k')] }]);
      await bench.harness.compact(at.topic);
      expect(values(await bench.read(at))[0]).toBe('three');
      expect(values(await bench.read(at, 1))[0]).toBe('three');
    },
  },
  {
    promise: 'reaches an end asked for earlier, behind markers and aborted records',
    kafkajs: 'keeps',
    check: async (bench) => {
      const at = await fresh(bench);
      await commit(bench, [{ ...at, records: [record('c1')] }]);
      const open = await bench.begin([at]);
      await open.write([{ ...at, records: [record('a1')] }]);
      await open.abort();
      expect(values(await bench.read(at))).toEqual(['c1']);
    },
  },
  {
    promise: 'refuses a producer whose id another has taken over',
    kafkajs: 'keeps',
    check: async (bench) => {
      const at = await fresh(bench);
      const id = bench.name('txn');
      const first = bench.kafka.transactionalProducer(id);
      await first.init();
      await first.transact([{ ...at, records: [record('before')] }]);
      const second = bench.kafka.transactionalProducer(id);
      await second.init();
      await failure(first.transact([{ ...at, records: [record('fenced')] }]), 'FENCED');
      await second.transact([{ ...at, records: [record('after')] }]);
      expect(values(await bench.read(at))).toEqual(['before', 'after']);
    },
  },
  {
    promise: 'counts a batch once whose commit got no answer, when a new producer takes over',
    kafkajs: 'keeps',
    alone: true,
    check: async (bench) => {
      const at = await fresh(bench);
      const id = bench.name('txn');
      const first = bench.kafka.transactionalProducer(id);
      await first.init();
      await first.transact([{ ...at, records: [record('before')] }]);
      const lost = { apiKey: END_TXN, times: 1, answer: () => undefined };
      const met = await under(lost, async () => {
        const error = await failure(first.transact([{ ...at, records: [record('doubtful')] }]), 'TRANSACTION_FAILED');
        expect(error.retryable).toBe(true);
      });
      expect(met).toBe(1);
      await first.close();
      const second = bench.kafka.transactionalProducer(id);
      await second.init();
      await second.transact([{ ...at, records: [record('after')] }]);
      expect(values(await bench.read(at))).toEqual(['before', 'doubtful', 'after']);
    },
  },
];

/** How often the brokers go down in turn, and how. */
export type Restart = (index: number, signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;

/**
 * Transactions over six partitions on three brokers, each record to each partition, while the brokers are restarted in turn.
 * Returns what was acknowledged, and what of it a reader misses or finds twice. Slow, and a matter of luck.
 */
export async function fanOutUnderRestarts(
  bench: Bench,
  restart: Restart,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<{ acknowledged: number; lost: number; doubled: number }> {
  const topic = await bench.topic(6);
  const partitions: readonly TopicPartition[] = [0, 1, 2, 3, 4, 5].map((partition) => ({ topic, partition }));
  const acked: string[] = [];
  const over = new AbortController();
  const copy = async (): Promise<void> => {
    for (let count = 0; !over.signal.aborted;) {
      const txn = bench.kafka.transactionalProducer(bench.name('txn'));
      try {
        await txn.init();
        while (!over.signal.aborted) {
          const value = `v${count++}`;
          await txn.transact(partitions.map((at) => ({ ...at, records: [record(value)] })));
          acked.push(value);
        }
      } catch {
        // One error and a new producer takes over, as the contract says.
        await txn.close().catch(() => undefined);
        await delay(100);
      }
    }
  };
  const copying = copy();
  for (const index of [0, 1, 2]) await restart(index, signal);
  over.abort();
  await copying;
  let [lost, doubled] = [0, 0];
  for (const at of partitions) {
    const counts = new Map<string, number>();
    for (const value of values(await bench.read(at))) counts.set(value, (counts.get(value) ?? 0) + 1);
    lost += acked.filter((value) => !counts.has(value)).length;
    doubled += [...counts.values()].filter((count) => count > 1).length;
  }
  return { acknowledged: acked.length * partitions.length, lost, doubled };
}

async function commit(bench: Bench, batches: readonly ProduceBatch[]): Promise<void> {
  const txn = bench.kafka.transactionalProducer(bench.name('txn'));
  await txn.init();
  await txn.transact(batches);
  await txn.close();
}

/** One partition, and every broker has had a moment to hear of it. */
async function fresh(bench: Bench, config: Readonly<Record<string, string>> = {}): Promise<TopicPartition> {
  const topic = await bench.topic(1, config);
  await delay(300);
  return { topic, partition: 0 };
}

/** A broker may not know yet that it leads a new partition; that is not what is looked for. */
async function ready(bench: Bench, at: TopicPartition): Promise<void> {
  const producer = bench.kafka.producer();
  while (!(await producer.send({ ...at, records: [record('ready')] }).catch(() => undefined))) await delay(200);
}

/** Does the work under a fault; how many answers met it. */
async function under(fault: WireFault, work: () => Promise<unknown>): Promise<number> {
  const injected = injectWireFault(fault);
  try {
    await work();
  } finally {
    injected.end();
  }
  return injected.met;
}
