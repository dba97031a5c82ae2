import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from './clock.ts';
import { type Environment, prefixedNames } from './environment.ts';
import { FreshetError } from './errors.ts';
import type { Kafka } from './kafka/contract.ts';
import { noMetrics, type TaskMetrics } from './metrics.ts';
import type { Processor } from './processor.ts';
import type { Rejected } from './record.ts';
import { memoryEngine } from './state/memory.ts';
import type { StoreEngine } from './state/store.ts';
import { jsonSerdes, testTopic } from './testing/json-serdes.ts';
import { MemoryBroker } from './testing/memory-kafka.ts';
import { ProgressTable } from './watermarks/progress.ts';
import { Worker, type WorkerOptions } from './worker.ts';

const visits = testTopic<string>('visits');
const counts = testTopic<number>('counts');
const rejected = testTopic<Rejected>('rejected');
const countVisits: Processor = {
  name: 'count-visits',
  inputs: [visits],
  outputs: [counts],
  upstream: [],
  process: (record, context) => {
    if (record.value === 'poison') throw new Error('as told');
    const count = (context.state.get<number>('count') ?? 0) + 1;
    context.state.set('count', count);
    context.forward(counts, record.key, count);
  },
};
const TASKS = 2;

const none = async (): Promise<void> => undefined;
const claims = { claim: () => undefined, retire: () => undefined, tick: () => undefined, flush: none, close: none };
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Machine {
  readonly kafka?: (kafka: Kafka) => Kafka;
  readonly engine?: StoreEngine;
  readonly metrics?: Partial<TaskMetrics>;
  readonly options?: Partial<WorkerOptions>;
}

async function cluster(): Promise<MemoryBroker> {
  const broker = new MemoryBroker();
  const topics = ['visits', 'counts', 'rejected', 'count-visits.changelog'];
  await broker.client().admin.createTopics(topics.map((name) => ({ name, partitions: TASKS, config: {} })));
  return broker;
}

async function startWorker(broker: MemoryBroker, machine: Machine = {}): Promise<{ worker: Worker; lines: Line[] }> {
  const client = broker.client();
  const kafka = machine.kafka?.(client) ?? client;
  const lines: Line[] = [];
  const environment: Environment = {
    kafka,
    reader: kafka.reader(),
    serdes: jsonSerdes,
    names: prefixedNames(''),
    engine: machine.engine ?? memoryEngine(),
    clock: systemClock,
    clusterId: broker.clusterId,
    partitions: () => TASKS,
    sourceOfTopic: new Map(),
    rejected,
    progress: new ProgressTable(),
    claims,
    metrics: { ...noMetrics, ...machine.metrics },
    log: (_, message, fields = {}) => void lines.push({ message, fields }),
    changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
  };
  const worker = new Worker({ environment, processor: countVisits, tasks: TASKS, sources: [], ...machine.options });
  await worker.start();
  endings.push(async () => {
    await worker.stop();
    await client.close();
  });
  return { worker, lines };
}

const visit = (broker: MemoryBroker, partition: number, value = 'visit'): void =>
  void broker.append('visits', partition, [{ key: Buffer.from(`k${partition}`), value: Buffer.from(JSON.stringify(value)) }]);
const counted = (broker: MemoryBroker): string[] =>
  broker.records('counts').map(({ key, value }) => `${String(key)}=${String(value)}`);
const running = (worker: Worker): number[] =>
  worker
    .status()
    .filter(({ state }) => state === 'running')
    .map(({ partition }) => partition)
    .toSorted((a, b) => a - b);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a worker', () => {
  it('replaces a task that does nothing though records wait, and loses and doubles nothing', async () => {
    const broker = await cluster();
    const restarts: string[] = [];
    let hang = true;
    const hanging = (inner: Kafka): Kafka => ({
      admin: inner.admin,
      reader: () => inner.reader(),
      producer: () => inner.producer(),
      member: (options) => inner.member(options),
      close: () => inner.close(),
      transactionalProducer: (id) => {
        const producer = inner.transactionalProducer(id);
        return {
          init: (signal) => producer.init(signal),
          transact: async (batches) => {
            if (hang) await new Promise(() => undefined);
            return await producer.transact(batches);
          },
          close: () => producer.close(),
        };
      },
    });
    const { worker, lines } = await startWorker(broker, {
      kafka: hanging,
      metrics: { restarted: ({ partition }, reason) => void restarts.push(`${partition} ${reason}`) },
      options: { patienceMs: 1 },
    });
    await until(() => running(worker).length === TASKS);
    visit(broker, 1);
    visit(broker, 1);
    await until(() => restarts.length > 0);
    hang = false;
    await until(() => counted(broker).length === 2);
    expect(counted(broker)).toEqual(['k1=1', 'k1=2']);
    expect(restarts).toContain('1 STALLED');
    expect(restarts).not.toContain('0 STALLED');
    expect(lines.find(({ message }) => message === 'task has stalled and is restarted')?.fields).toMatchObject({
      task: 'count-visits-1',
    });
  });

  it('leaves a task that it keeps through a rebalance alone, and one that comes back to it only catches up', async () => {
    const broker = await cluster();
    const engine = memoryEngine();
    const opened: string[] = [];
    const counting: StoreEngine = {
      ...engine,
      open: async (name) => {
        opened.push(name);
        return await engine.open(name);
      },
    };
    const { worker, lines } = await startWorker(broker, { engine: counting });
    await until(() => running(worker).length === TASKS);
    for (let i = 0; i < 20; i++) for (const partition of [0, 1]) visit(broker, partition);
    await until(() => counted(broker).length === 40);

    const other = await startWorker(broker);
    await until(() => running(worker).length === 1 && running(other.worker).length === 1);
    const [kept] = running(worker);
    const [moved] = running(other.worker);
    visit(broker, moved ?? 0);
    await until(() => counted(broker).length === 41);
    await other.worker.stop();
    await until(() => running(worker).length === TASKS);

    expect(opened.filter((name) => name === `count-visits-${kept}`)).toHaveLength(1);
    expect(opened.filter((name) => name === `count-visits-${moved}`)).toHaveLength(2);
    const restored = lines.filter(({ message }) => message === 'restored').map(({ fields }) => fields);
    // The count and the position of the one record that the other has processed.
    expect(restored).toMatchObject([{ task: `count-visits-${moved}`, records: 2 }]);
    visit(broker, moved ?? 0);
    await until(() => counted(broker).length === 42);
    expect(counted(broker).at(-1 - (moved === 0 ? 20 : 0))).toBe(`k${moved}=22`);
  });

  it('goes on after its membership was lost: it says so, is a member again, and keeps its tasks', async () => {
    const broker = await cluster();
    const { worker, lines } = await startWorker(broker);
    await until(() => running(worker).length === TASKS);
    broker.expireMember('count-visits', 0);
    expect(worker.membership).toBe('lost');
    await until(() => worker.membership === 'member');
    expect(lines.some(({ message }) => message === 'group membership lost')).toBe(true);
    visit(broker, 0);
    await until(() => counted(broker).length === 1);
    expect(running(worker)).toEqual([0, 1]);
  });

  it('asks for the tasks whose stores it still has', async () => {
    const broker = await cluster();
    await startWorker(broker, { options: { stored: [1] } });
    const { worker } = await startWorker(broker, { options: { stored: [0] } });
    await until(() => running(worker).length === 1);
    expect(running(worker)).toEqual([0]);
  });

  it('processes nothing before the store is whole, and says how far it is', async () => {
    const broker = await cluster();
    const first = await startWorker(broker);
    await until(() => running(first.worker).length === TASKS);
    for (let i = 0; i < 50; i++) visit(broker, 0);
    await until(() => counted(broker).length === 50);
    await first.worker.stop();
    visit(broker, 0);

    const told: { left: number; counted: number }[] = [];
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const engine = memoryEngine();
    const { worker } = await startWorker(broker, {
      engine: {
        ...engine,
        open: async (name) => {
          const store = await engine.open(name);
          return {
            getMany: (keys) => store.getMany(keys),
            get: (key) => store.get(key),
            scan: (range) => store.scan(range),
            size: () => store.size(),
            close: () => store.close(),
            write: async (ops) => {
              await gate;
              await store.write(ops);
            },
          };
        },
      },
      metrics: {
        restored: ({ partition }, _, __, left) => void (partition === 0 && told.push({ left, counted: counted(broker).length })),
      },
    });
    await until(() => worker.status().some(({ restoring }) => (restoring?.left ?? 0) > 0));
    const before = worker.status().find(({ partition }) => partition === 0);
    expect(before).toMatchObject({ state: 'starting' });
    go();
    await until(() => counted(broker).length === 51);
    expect(told.every((one) => one.counted === 50)).toBe(true);
    expect(told.at(-1)?.left).toBe(0);
    expect(counted(broker).at(-1)).toBe('k0=51');
    expect(worker.status().every(({ restoring }) => restoring === undefined)).toBe(true);
  });

  it('leaves a task stopped that fails at everything, says what to do, and lets the others go on', async () => {
    const broker = await cluster();
    const { worker, lines } = await startWorker(broker);
    for (let i = 0; i < 110; i++) visit(broker, 0, 'poison');
    await until(() => worker.status().some(({ state }) => state === 'failed'));
    visit(broker, 1);
    await until(() => counted(broker).length === 1);
    const [failed] = worker.status().filter(({ state }) => state === 'failed');
    expect(failed?.failure).toMatch(/failed at 100 records in a row.*replay them/);
    expect(lines.find(({ message }) => message === 'task has stopped')?.fields['advice']).toMatch(/rejected topic/);
  });

  it('tries a task again that stood still for what may pass, and shows it as failed until then', async () => {
    const broker = await cluster();
    const { worker, lines } = await startWorker(broker, { options: { patienceMs: 300 } });
    await until(() => running(worker).length === TASKS);
    broker.failNext('transact', new FreshetError('RECORD_TOO_LARGE', 'as told'));
    visit(broker, 0);
    await until(() => worker.status().some(({ state }) => state === 'failed'));
    await until(() => counted(broker).length === 1);
    expect(running(worker)).toEqual([0, 1]);
    expect(lines.filter(({ message }) => message === 'task has stopped')).toHaveLength(1);
  });

  it('takes nothing more once it is refused', async () => {
    const broker = await cluster();
    const { worker } = await startWorker(broker);
    await until(() => running(worker).length === TASKS);
    worker.refuse(new FreshetError('TOPIC_MISMATCH', 'as told'));
    await until(() => worker.status().length === 0);
    visit(broker, 0);
    await broker.settled();
    expect(counted(broker)).toEqual([]);
    expect(worker.refused).toMatchObject({ code: 'TOPIC_MISMATCH' });
  });
});
