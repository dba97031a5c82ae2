import { setImmediate as immediate } from 'node:timers/promises';
import { type Clock, ManualClock } from '../clock.ts';
import { prefixedNames, type Environment } from '../environment.ts';
import { FreshetError } from '../errors.ts';
import { noMetrics, type TaskMetrics } from '../metrics.ts';
import { partitionFor } from '../partition.ts';
import type { Processor } from '../processor.ts';
import { type Rejected, type StreamRecord, tpKey } from '../record.ts';
import { decodeCell, dataKey, partId, prefixEnd } from '../state/layout.ts';
import { memoryEngine } from '../state/memory.ts';
import type { StoreEngine } from '../state/store.ts';
import { type CrashPoint, Task } from '../task.ts';
import type { SerdeSource, Topic } from '../topic.ts';
import type { ClaimWriter } from '../watermarks/claims.ts';
import type { Reach } from '../watermarks/contract.ts';
import { GlobalTables } from '../tables/global-tables.ts';
import { ProgressTable } from '../watermarks/progress.ts';
import { noClaims } from './no-claims.ts';
import { MemoryBroker, type MemoryKafka } from './memory-kafka.ts';

export interface DriverOptions {
  /** Processors that run together; each is a stage with all its tasks. */
  readonly processors: readonly Processor[];
  readonly serdes: SerdeSource;
  readonly rejected: Topic<Rejected>;
  /** Default 4. */
  readonly partitions?: number;
  /** Wall clock to begin with, epoch milliseconds. */
  readonly now?: number;
  readonly broker?: MemoryBroker;
  readonly engine?: StoreEngine;
  readonly metrics?: TaskMetrics;
  /** Hears what the tasks claim; nobody when left out. */
  readonly claims?: ClaimWriter;
  /** Source by the name of its own raw topic, where there are such. */
  readonly sourceOfTopic?: ReadonlyMap<string, string>;
  readonly crash?: (point: CrashPoint) => void;
  /** Time of the brokers and of the driver; needed where `broker` was made before. A clock of its own when left out. */
  readonly clock?: ManualClock;
  /** What the tasks take for the time, where that is not the driver's. */
  readonly processClock?: Clock;
  /** How a task takes a step; default: by itself, and what it throws ends `settle`. */
  readonly step?: (task: Task) => Promise<boolean>;
}

export interface PipeOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the driver's clock. */
  readonly timestamp?: number;
}

/**
 * The topology test driver: the real tasks, stores and transactions over a broker in memory, moved by hand.
 * Nothing happens but in `settle`; the clock moves by `advance` only.
 */
export class TopologyTestDriver {
  readonly clock: ManualClock;
  readonly broker: MemoryBroker;
  readonly #options: DriverOptions;
  readonly #kafka: MemoryKafka;
  #environment: Environment;
  readonly #tasks: Task[] = [];
  #tables: GlobalTables | undefined;
  readonly #progress = new ProgressTable();
  readonly #read = new Map<string, number>();

  private constructor(options: DriverOptions) {
    this.#options = options;
    this.clock = options.clock ?? new ManualClock(options.now ?? Date.UTC(2030, 0, 1));
    this.broker = options.broker ?? new MemoryBroker({ clock: this.clock });
    this.#kafka = this.broker.client();
    const names = prefixedNames('');
    this.#environment = {
      kafka: this.#kafka,
      reader: this.#kafka.reader(),
      serdes: options.serdes,
      names,
      engine: options.engine ?? memoryEngine(),
      clock: options.processClock ?? this.clock,
      clusterId: this.broker.clusterId,
      partitions: () => this.partitions,
      sourceOfTopic: options.sourceOfTopic ?? new Map(),
      rejected: options.rejected,
      progress: this.#progress,
      claims: options.claims ?? noClaims,
      metrics: options.metrics ?? noMetrics,
      log: () => undefined,
      changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
    };
  }

  static async start(options: DriverOptions): Promise<TopologyTestDriver> {
    const driver = new TopologyTestDriver(options);
    const topics = new Map<string, Topic>([[options.rejected.name, options.rejected]]);
    for (const { inputs, outputs } of options.processors)
      for (const topic of [...inputs, ...outputs]) topics.set(topic.name, topic);
    const changelogs = options.processors.map(({ name }) => driver.#environment.names.changelog(name));
    const existing = new Set(await driver.#kafka.admin.topics());
    const wanted = [...topics.keys(), ...changelogs].filter((name) => !existing.has(name));
    await driver.#kafka.admin.createTopics(wanted.map((name) => ({ name, partitions: driver.partitions, config: {} })));
    const { kafka, reader, names, serdes, log } = driver.#environment;
    const { partitions } = driver;
    const tables = [
      ...new Map(options.processors.flatMap(({ tables = [] }) => tables).map((topic) => [topic.name, topic])).values(),
    ];
    driver.#tables = await GlobalTables.open({ topics: tables, partitions, names, serdes, reader, admin: kafka.admin, log });
    driver.#environment = { ...driver.#environment, tables: driver.#tables };
    for (const processor of options.processors) processor.open?.(driver.#tables);
    driver.#progress.apply('tick', Buffer.alloc(0), driver.clock.now());
    for (const processor of options.processors) {
      for (let partition = 0; partition < driver.partitions; partition++) {
        const crash = options.crash;
        const task = new Task(driver.#environment, processor, partition, crash ? { crash: (point) => crash(point) } : {});
        await task.takeOver();
        task.state = 'running';
        driver.#tasks.push(task);
      }
    }
    return driver;
  }

  get partitions(): number {
    return this.#options.partitions ?? 4;
  }

  /** Appends a record to a topic, in the partition of its key. Nothing is processed yet. */
  pipe<V>(topic: Topic<V>, key: string, value: V, options: PipeOptions = {}): void {
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, text]) => [name, Buffer.from(text)]));
    this.broker.append(topic.name, partitionFor(key, this.partitions), [
      {
        key: Buffer.from(key),
        value: value === null ? null : this.#options.serdes.of(topic).encode(value),
        headers,
        timestamp: options.timestamp ?? this.clock.now(),
      },
    ]);
  }

  /** Moves the wall clock, and with it the tick. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.#progress.apply('tick', Buffer.alloc(0), this.clock.now());
  }

  /** Ends a source: it leaves every clock. */
  async end(source: string): Promise<void> {
    await this.#adopt(source, { at: Number.NEGATIVE_INFINITY, ended: true });
  }

  /** Lets all tasks adopt a watermark for a source once they have read what is there now. +Infinity ends the source. */
  async watermark(source: string, at: number): Promise<void> {
    if (at === Number.POSITIVE_INFINITY) return await this.end(source);
    await this.#adopt(source, { at, ended: false });
  }

  async #adopt(source: string, reach: Reach): Promise<void> {
    await this.settle();
    // Stage by stage, so that what one stage emits for the watermark is read by the next before it adopts.
    for (const processor of this.#options.processors) {
      for (const task of this.#tasks) {
        if (task.id.processor !== processor.name) continue;
        task.watermarks.offer({ values: new Map([[source, reach]]), ends: new Map() });
      }
      await this.settle();
    }
  }

  /** One step of a task; false: it had nothing to do. */
  step(task: Task): Promise<boolean> {
    return this.#options.step?.(task) ?? task.step();
  }

  /** Runs until every record has been processed and nothing is due. */
  async settle(): Promise<void> {
    for (;;) {
      let worked = false;
      for (const task of this.#tasks) while (await this.step(task)) worked = true;
      if (!worked && (await this.#drained())) return;
      await immediate();
    }
  }

  /** Decoded records of a topic that have come since the last call, in the order of partition and offset. */
  read<V>(topic: Topic<V>): StreamRecord<V>[] {
    const serde = this.#options.serdes.of(topic);
    const fresh: StreamRecord<V>[] = [];
    for (const raw of this.broker.records(topic.name)) {
      const id = tpKey(topic.name, raw.partition);
      if (raw.offset < (this.#read.get(id) ?? 0)) continue;
      this.#read.set(id, raw.offset + 1);
      fresh.push({
        topic: topic.name,
        partition: raw.partition,
        offset: raw.offset,
        timestamp: raw.timestamp,
        key: raw.key?.toString('utf8') ?? '',
        value: raw.value === null ? (null as V) : serde.decode(raw.value),
        headers: raw.headers,
      });
    }
    return fresh;
  }

  /** A part of the state of a key, as the store of its task holds it. */
  state(processor: string, key: string, part: string): unknown {
    const bytes = this.#store(processor, key).get(dataKey(partId(key, part)));
    return bytes && decodeCell(bytes).value;
  }

  /** Names of the parts of a key. */
  parts(processor: string, key: string): string[] {
    const prefix = dataKey(partId(key, ''));
    return this.#store(processor, key)
      .scan({ gte: prefix, lt: prefixEnd(prefix) })
      .map((entry) => entry.key.toString('utf8', prefix.length));
  }

  /** The tasks, e.g. to look at their watermarks. */
  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  async close(): Promise<void> {
    this.#tables?.close();
    for (const task of this.#tasks) await task.close();
    await this.#kafka.close();
  }

  #store(processor: string, key: string): NonNullable<Task['view']> {
    const partition = partitionFor(key, this.partitions);
    const task = this.#tasks.find(({ id }) => id.processor === processor && id.partition === partition);
    const store = task?.view;
    if (!store) throw new FreshetError('NOT_LOCAL', `No task of ${processor} holds partition ${partition}.`);
    return store;
  }

  async #drained(): Promise<boolean> {
    for (const task of this.#tasks) {
      const ends = await this.#kafka.admin.endOffsets(task.inputs?.partitions() ?? []);
      if (!task.drained(ends)) return false;
    }
    const tables = this.#tasks.flatMap((task) => task.inputs?.tables() ?? []);
    const ends = await this.#kafka.admin.endOffsets(tables);
    return [...ends].every(([id, end]) => (this.#tables?.position(id) ?? end) >= end);
  }
}
