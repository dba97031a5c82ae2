import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../runtime/clock.ts';
import { type Environment, prefixedNames } from '../../../runtime/environment.ts';
import type { Kafka, ProduceBatch, ProduceResult } from '../../../runtime/kafka/contract.ts';
import { noMetrics } from '../../../runtime/metrics.ts';
import type { Processor } from '../../../runtime/processor.ts';
import type { Rejected } from '../../../runtime/record.ts';
import { dataKey } from '../../../runtime/state/layout.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import type { StoreEngine } from '../../../runtime/state/store.ts';
import { type CrashPoint, Task } from '../../../runtime/task.ts';
import { jsonSerdes, testTopic } from '../../../runtime/testing/json-serdes.ts';
import { noClaims } from '../../../runtime/testing/no-claims.ts';
import { ProgressTable } from '../../../runtime/watermarks/progress.ts';
import { Bench, type KafkaHarness } from '../kafka/harness.ts';

type Moment = CrashPoint | 'some-produced' | 'commit-unanswered' | 'in-store-batch';

const moments: readonly { readonly at: Moment; readonly where: string }[] = [
  { at: 'decoded', where: 'between decoding and fetching' },
  { at: 'fetched', where: 'between fetching and processing' },
  { at: 'processed', where: 'between processing and the transaction' },
  { at: 'some-produced', where: 'in the transaction, some of its partitions written' },
  { at: 'commit-unanswered', where: 'in the transaction, its commit sent and not answered' },
  { at: 'committed', where: 'between the transaction and the store' },
  { at: 'in-store-batch', where: 'in the middle of the store batch' },
  { at: 'written', where: 'after the store batch' },
];

const ROUNDS = 5;
const OUTPUTS = 3;
const DUE = 100;
const sales = testTopic<number>('sales');
const totals = testTopic<string>('totals');

/** Sums by key, fans out, and wakes once for each key. */
const sumSales: Processor = {
  name: 'sum-sales',
  inputs: [sales],
  outputs: [totals],
  upstream: [],
  parts: () => ['sum'],
  process: (record, context) => {
    const sum = (context.state.get<number>('sum') ?? 0) + (record.value as number);
    context.state.set('sum', sum);
    context.state.set('bell', sum, { due: [{ clock: 'shop', at: DUE }] });
    for (const to of ['x', 'y', 'z']) context.forward(totals, to, `${record.key}=${sum}`);
  },
  onTimer: (timer, context) => {
    context.forward(totals, timer.key, `${timer.key} rings at ${String(context.state.get('bell'))}`);
    context.state.delete(timer.part);
  },
};

/** What a run leaves: each output partition in order, and each part of the state. */
interface Outcome {
  readonly outputs: readonly (readonly string[])[];
  readonly state: readonly (readonly [string, string])[];
}

interface Crash {
  readonly at: Moment;
  /** The transaction that it happens to, from 0; the timers' comes after those of the rounds. */
  readonly transaction: number;
}

/** A task that is stopped once at each place where it can be, on one implementation of Kafka, ends where an undisturbed one does. */
export function crashPointCases(
  name: string,
  open: () => Promise<KafkaHarness>,
  /** Commits, and loses the answer. */
  unanswered: (transact: () => Promise<unknown>) => Promise<unknown>,
): void {
  describe(`a task on ${name} that is stopped`, () => {
    let harness: KafkaHarness;
    let bench: Bench;
    let undisturbed: Outcome;
    beforeAll(async () => {
      harness = await open();
      bench = await Bench.open(harness);
      undisturbed = (await run(bench, unanswered)).outcome;
    });
    afterAll(async () => {
      await bench.close();
      await harness.close();
    });

    it.each(moments)('$where leaves what an undisturbed run leaves', async ({ at }) => {
      expect(undisturbed.outputs.flat()).toHaveLength(ROUNDS * 4 * 3 + 4);
      for (const transaction of [2, ROUNDS]) {
        // Timers are not decoded.
        if (transaction === ROUNDS && (at === 'decoded' || at === 'fetched')) continue;
        const { outcome, crashes, restored } = await run(bench, unanswered, { at, transaction });
        expect(outcome).toEqual(undisturbed);
        expect(crashes).toBe(1);
        // The store is behind what was committed, and never ahead of it.
        const behind = at === 'commit-unanswered' || at === 'committed' || at === 'in-store-batch';
        expect(restored > 0).toBe(behind);
      }
    });
  });
}

async function run(
  bench: Bench,
  unanswered: (transact: () => Promise<unknown>) => Promise<unknown>,
  crash?: Crash,
): Promise<{ outcome: Outcome; crashes: number; restored: number }> {
  const prefix = `${bench.name('crash')}.`;
  const names = prefixedNames(prefix);
  const { kafka } = bench;
  const specs = { sales: 1, totals: OUTPUTS, rejected: 1, 'sum-sales.changelog': 1 };
  await kafka.admin.createTopics(
    Object.entries(specs).map(([name, partitions]) => ({ name: prefix + name, partitions, config: {} })),
  );
  const root = mkdtempSync(join(tmpdir(), 'freshet-crash-'));
  let [transactions, crashes, restored] = [0, 0, 0];
  const isNow = (at: Moment): boolean => crashes === 0 && crash?.at === at && transactions === crash.transaction;
  const die = (): never => {
    crashes++;
    throw new Error('crash');
  };
  const transact = async (id: string, inner: () => Promise<readonly ProduceResult[]>, batches: readonly ProduceBatch[]) => {
    if (isNow('some-produced')) {
      const opened = await bench.harness.begin(id, batches);
      await opened.write(batches.slice(0, 2));
      return die();
    }
    if (isNow('commit-unanswered')) {
      await unanswered(inner).catch(() => undefined);
      return die();
    }
    return await inner();
  };
  const reader = kafka.reader();
  const environment: Environment = {
    kafka: transacting(kafka, transact),
    reader,
    serdes: jsonSerdes,
    names,
    engine: tearing(root, () => isNow('in-store-batch'), die),
    clock: systemClock,
    clusterId: await kafka.admin.clusterId(),
    partitions: (topic) => specs[topic.slice(prefix.length) as keyof typeof specs],
    sourceOfTopic: new Map(),
    rejected: testTopic<Rejected>('rejected'),
    progress: new ProgressTable(),
    claims: noClaims,
    metrics: { ...noMetrics, restored: (_, records) => void (crashes > 0 && (restored = Math.max(restored, records))) },
    log: () => undefined,
    changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
  };
  const onCrash = (point: CrashPoint): void => {
    if (isNow(point)) die();
    if (point === 'written') transactions++;
  };
  let task: Task | undefined;
  /** Steps until nothing is left, and begins anew with what is on disk and in Kafka after a crash. */
  const drain = async (): Promise<void> => {
    const ends = await kafka.admin.endOffsets([{ topic: names.topic('sales'), partition: 0 }]);
    for (;;) {
      try {
        if (task === undefined) {
          task = new Task(environment, sumSales, 0, { crash: onCrash });
          await task.takeOver();
        }
        if (watermark !== undefined) task.watermarks.offer({ values: new Map([['shop', watermark]]), ends: new Map() });
        while (!(await task.step()) && !task.drained(ends)) await new Promise(setImmediate);
        if (task.drained(ends)) return;
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'crash') throw error;
        await task?.close();
        task = undefined;
      }
    }
  };
  let watermark: { at: number; ended: boolean } | undefined;
  try {
    const producer = kafka.producer();
    for (let round = 0; round < ROUNDS; round++) {
      const records = ['a', 'b', 'c', 'd'].map((key) => ({ key: Buffer.from(key), value: Buffer.from(String(round + 1)) }));
      await producer.send({ topic: names.topic('sales'), partition: 0, records });
      await drain();
    }
    watermark = { at: DUE, ended: false };
    await drain();
    await task?.close();
    const outputs = await Promise.all(
      Array.from({ length: OUTPUTS }, async (_, partition) =>
        (await bench.read({ topic: names.topic('totals'), partition })).map(
          ({ key, value }) => `${String(key)}: ${String(value)}`,
        ),
      ),
    );
    const store = await rocksdbEngine(root).open('sum-sales-0');
    const parts = store.scan({ gte: dataKey(''), lt: Buffer.from('e') });
    const state = parts.map(({ key, value }) => [key.toString('utf8', 1), value.toString('hex')] as const);
    await store.close();
    return { outcome: { outputs, state }, crashes, restored };
  } finally {
    await reader.close();
    await kafka.admin.deleteTopics(Object.keys(specs).map((name) => prefix + name));
    rmSync(root, { recursive: true, force: true });
  }
}

function transacting(
  kafka: Kafka,
  transact: (
    id: string,
    inner: () => Promise<readonly ProduceResult[]>,
    batches: readonly ProduceBatch[],
  ) => Promise<readonly ProduceResult[]>,
): Kafka {
  return {
    admin: kafka.admin,
    reader: () => kafka.reader(),
    producer: () => kafka.producer(),
    member: (options) => kafka.member(options),
    close: () => kafka.close(),
    transactionalProducer: (id) => {
      const inner = kafka.transactionalProducer(id);
      return {
        init: (signal) => inner.init(signal),
        transact: (batches) => transact(id, () => inner.transact(batches), batches),
        close: () => inner.close(),
      };
    },
  };
}

/** RocksDB of whose log the second half of one batch never came to the disk. */
function tearing(root: string, isNow: () => boolean, die: () => never): StoreEngine {
  const engine = rocksdbEngine(root);
  let torn: { readonly path: string; readonly length: number } | undefined;
  const log = (name: string): { path: string; length: number } => {
    const files = readdirSync(join(root, name)).filter((file) => /^\d+\.log$/.test(file));
    const path = join(root, name, files.sort().at(-1) ?? '');
    return { path, length: statSync(path).size };
  };
  return {
    open: async (name) => {
      if (torn) truncateSync(torn.path, torn.length);
      torn = undefined;
      const store = await engine.open(name);
      return {
        getMany: (keys) => store.getMany(keys),
        get: (key) => store.get(key),
        write: async (ops) => {
          const before = log(name);
          const now = isNow();
          await store.write(ops);
          if (!now) return;
          const { path, length } = log(name);
          torn = { path, length: Math.floor((before.length + length) / 2) };
          die();
        },
        scan: (range) => store.scan(range),
        size: () => store.size(),
        close: () => store.close(),
      };
    },
    destroy: (name) => engine.destroy(name),
  };
}
