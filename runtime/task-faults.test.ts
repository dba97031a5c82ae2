import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from './clock.ts';
import { prefixedNames, type Environment } from './environment.ts';
import { FreshetError, type ErrorCode } from './errors.ts';
import { noMetrics } from './metrics.ts';
import type { Processor } from './processor.ts';
import type { Rejected } from './record.ts';
import { memoryEngine } from './state/memory.ts';
import type { Store, StoreEngine } from './state/store.ts';
import { Task } from './task.ts';
import { jsonSerdes, testTopic } from './testing/json-serdes.ts';
import { MemoryBroker } from './testing/memory-kafka.ts';
import type { ClaimWriter } from './watermarks/claims.ts';
import { ProgressTable } from './watermarks/progress.ts';

const visits = testTopic<number>('visits');
const counts = testTopic<number>('counts');
const rejected = testTopic<Rejected>('rejected');

/** Reads its state without having said so, hence in the middle of `process`. */
const countVisits: Processor = {
  name: 'count-visits',
  inputs: [visits],
  outputs: [counts],
  upstream: [],
  process: (record, context) => {
    const count = (context.state.get<number>('count') ?? 0) + 1;
    context.state.set('count', count);
    context.forward(counts, record.key, count);
  },
};

/** Stores that fail as they are told to. */
class FaultyEngine implements StoreEngine {
  readonly inner = memoryEngine();
  reads: ErrorCode | undefined;
  writes: ErrorCode | undefined;
  destroyed = 0;

  async open(name: string): Promise<Store> {
    const store = await this.inner.open(name);
    const unless = <T>(code: ErrorCode | undefined, work: () => T): T => {
      if (code !== undefined) throw new FreshetError(code, 'as told');
      return work();
    };
    return {
      getMany: async (keys) => await unless(this.reads, () => store.getMany(keys)),
      // The checkpoint can be read, as in a store of which some block is damaged.
      get: (key) => unless(key.toString().startsWith('d') && key[1] !== 0 ? this.reads : undefined, () => store.get(key)),
      write: async (ops) => await unless(this.writes, () => store.write(ops)),
      scan: (range) => store.scan(range),
      size: () => store.size(),
      close: () => store.close(),
    };
  }

  async destroy(name: string): Promise<void> {
    this.destroyed += 1;
    this.reads = undefined;
    await this.inner.destroy(name);
  }
}

const none = async (): Promise<void> => undefined;
const claims: ClaimWriter = { claim: () => undefined, retire: () => undefined, tick: () => undefined, flush: none, close: none };
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

interface Bench {
  readonly broker: MemoryBroker;
  readonly engine: FaultyEngine;
  readonly task: Task;
  readonly pipe: (key: string) => void;
  readonly counted: () => Promise<readonly string[]>;
}

async function start(broker = new MemoryBroker(), engine = new FaultyEngine()): Promise<Bench> {
  const kafka = broker.client();
  const existing = await kafka.admin.topics();
  const wanted = ['visits', 'counts', 'rejected', 'count-visits.changelog'].filter((name) => !existing.includes(name));
  await kafka.admin.createTopics(wanted.map((name) => ({ name, partitions: 1, config: {} })));
  const environment: Environment = {
    kafka,
    reader: kafka.reader(),
    serdes: jsonSerdes,
    names: prefixedNames(''),
    engine,
    clock: systemClock,
    clusterId: broker.clusterId,
    partitions: () => 1,
    sourceOfTopic: new Map(),
    rejected,
    progress: new ProgressTable(),
    claims,
    metrics: noMetrics,
    log: () => undefined,
    changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
  };
  const task = new Task(environment, countVisits, 0);
  const done = task.run();
  endings.push(async () => {
    task.stop();
    await done;
    await kafka.close();
  });
  return {
    broker,
    engine,
    task,
    pipe: (key) => void broker.append('visits', 0, [{ key: Buffer.from(key), value: Buffer.from('1') }]),
    counted: async () => broker.records('counts').map(({ key, value }) => `${String(key)}${String(value)}`),
  };
}

/** Asks after each turn of the event loop, for as long as the test may take. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a task whose store fails', () => {
  it('rebuilds one that turns out to be damaged in the middle of a record, and refuses nothing for it', async () => {
    const { engine, broker, pipe, counted } = await start();
    pipe('a');
    pipe('a');
    await until(async () => (await counted()).length === 2);
    engine.reads = 'STORE_CORRUPT';
    // What was used just before is not read again.
    pipe('b');
    await until(async () => (await counted()).length === 3);
    pipe('a');
    await until(async () => (await counted()).length === 4);
    expect(await counted()).toEqual(['a1', 'a2', 'b1', 'a3']);
    expect(engine.destroyed).toBe(1);
    expect(broker.records('rejected')).toHaveLength(0);
  });

  it('takes no further record while there is no room, and goes on by itself when there is', async () => {
    const { engine, task, pipe, counted } = await start();
    pipe('a');
    await until(async () => (await counted()).length === 1);
    engine.writes = 'STORE_FULL';
    pipe('a');
    await until(() => task.state === 'retrying');
    pipe('a');
    pipe('b');
    await until(() => task.failure !== undefined);
    // One transaction was committed and is in the changelog; nothing after it.
    expect(await counted()).toEqual(['a1', 'a2']);
    engine.writes = undefined;
    await until(async () => (await counted()).length === 4);
    expect(await counted()).toEqual(['a1', 'a2', 'a3', 'b1']);
    expect(engine.destroyed).toBe(0);
  });
});

describe('a task whose log has lost what it needs', () => {
  it('stops and says so when its input begins after its position', async () => {
    const { broker, engine, task, pipe, counted } = await start();
    pipe('a');
    await until(async () => (await counted()).length === 1);
    task.stop();
    await until(() => task.state === 'stopped');
    for (let i = 0; i < 5; i++) pipe('a');
    broker.truncate('visits', 0, 4);
    const again = await start(broker, engine);
    await until(() => again.task.state === 'failed');
    expect(again.task.failure).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    expect(await counted()).toEqual(['a1']);
  });

  it('throws a store away whose checkpoint lies before the changelog', async () => {
    const { broker, engine, task, pipe, counted } = await start();
    pipe('a');
    await until(async () => (await counted()).length === 1);
    task.stop();
    await until(() => task.state === 'stopped');
    const other = await start(broker);
    pipe('a');
    pipe('b');
    await until(async () => (await counted()).length === 3);
    other.task.stop();
    await until(() => other.task.state === 'stopped');
    broker.compact('count-visits.changelog');
    broker.truncate('count-visits.changelog', 0, 4);
    const back = await start(broker, engine);
    await until(() => back.task.state === 'running');
    expect(engine.destroyed).toBe(1);
  });
});
