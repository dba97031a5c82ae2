import { setImmediate as immediate } from 'node:timers/promises';
import { ManualClock } from '../clock.ts';
import { prefixedNames, type Environment } from '../environment.ts';
import type { Admin, Kafka } from '../kafka/contract.ts';
import { noMetrics } from '../metrics.ts';
import { partitionFor } from '../partition.ts';
import type { Processor } from '../processor.ts';
import { tpKey } from '../record.ts';
import { memoryEngine } from '../state/memory.ts';
import { Task } from '../task.ts';
import { Adopter } from '../watermarks/adopter.ts';
import { type ClaimWriter, claimWriter } from '../watermarks/claims.ts';
import type { SourceClock } from '../watermarks/contract.ts';
import { openFeed } from '../watermarks/feed.ts';
import { ProgressTable } from '../watermarks/progress.ts';
import { sourceWatermark } from '../watermarks/source-clock.ts';
import { SOURCE } from '../watermarks/stages.ts';
import { upstreamClaims } from '../worker.ts';
import { jsonSerdes, testTopic } from './json-serdes.ts';
import { MemoryBroker } from './memory-kafka.ts';
import type { Nastiness } from './memory-kafka-schedule.ts';

export interface Happening {
  readonly id: number;
  readonly at: number;
}

/** Ways to break the scheme; with any of them the property must fail. */
export type Mutation = 'ends-from-lso' | 'claim-before-commit' | 'no-feed-claims';

const raw = testTopic<Happening>('raw');
const tagged = testTopic<Happening>('tagged');
const identified = testTopic<Happening>('identified');
const rejected = testTopic<never>('rejected');
const vouchedFor: SourceClock = { source: 's', liveness: { kind: 'heartbeat' }, latenessMs: 50 };
const partitions = 3;
const CONTROL = 'control';

const lastKey = (id: number): string => `c${id % 3}`;

/** The task of the last hop that an event comes to. */
export function lastTask(id: number): number {
  return partitionFor(lastKey(id), partitions);
}

/**
 * The whole scheme of watermarks over the real tasks: a gateway that holds requests in its hands, three hops that re-key,
 * and a last one whose timers fire by the clock of the source. Steps are taken one at a time, in any order.
 */
export class WalkHarness {
  readonly clock = new ManualClock(10_000);
  /** In the order in which it happened at the last hop. */
  readonly log: {
    readonly kind: 'seen' | 'fired';
    readonly at: number;
    readonly id: number;
    readonly watermark: number;
    readonly task: number;
  }[] = [];
  readonly #requests: Promise<void>[] = [];
  readonly #broker: MemoryBroker;
  readonly #tasks: Task[] = [];
  readonly #adopters: Adopter[] = [];
  readonly #progress = new ProgressTable();
  #claims: ClaimWriter | undefined;
  #feed: ReturnType<typeof openFeed> | undefined;
  readonly #mutation: Mutation | undefined;
  readonly #kafka: Kafka;
  readonly #busy = new Set<number>();
  readonly #source: SourceClock;
  /** Stamped by the broker, but not yet on all replicas: neither acknowledged nor to be read. */
  readonly #unreplicated: { readonly until: number; readonly id: number; readonly at: number }[] = [];

  private constructor(nastiness: Nastiness, mutation: Mutation | undefined, source: SourceClock) {
    this.#source = source;
    this.#broker = new MemoryBroker({ clock: this.clock, nastiness });
    this.#kafka = this.#broker.client();
    this.#mutation = mutation;
  }

  static async start(nastiness: Nastiness, mutation?: Mutation, source = vouchedFor): Promise<WalkHarness> {
    const harness = new WalkHarness(nastiness, mutation, source);
    await harness.#open();
    return harness;
  }

  async #open(): Promise<void> {
    const admin = this.#mutation === 'ends-from-lso' ? endsFromLso(this.#kafka.admin, this.#broker) : this.#kafka.admin;
    const config = { 'message.timestamp.type': 'LogAppendTime' };
    const hop = (
      name: string,
      input: typeof raw,
      output: typeof raw,
      upstream: string,
      key: (id: number) => string,
    ): Processor => ({
      name,
      inputs: [input],
      outputs: [output],
      upstream: [upstream],
      process: (record, context) => {
        const happening = record.value as Happening;
        context.forward(output, key(happening.id), happening);
      },
    });
    const last: Processor = {
      name: 'last',
      inputs: [identified],
      outputs: [],
      upstream: ['second'],
      process: (record, context) => {
        const { id, at } = record.value as Happening;
        this.log.push({ kind: 'seen', id, at, watermark: context.watermark('s'), task: context.task.partition });
        context.state.set(`e${id}`, at, { due: [{ clock: 's', at: at + 20 }] });
      },
      onTimer: (timer, context) =>
        this.log.push({ kind: 'fired', id: -1, at: timer.at, watermark: context.watermark('s'), task: context.task.partition }),
    };
    const processors = [
      hop('first', raw, tagged, 'feed', (id) => `k${id % 5}`),
      hop('second', tagged, identified, SOURCE, lastKey),
      last,
    ];
    await admin.createTopics([
      ...['raw', 'tagged', 'identified', 'rejected', 'first.changelog', 'second.changelog', 'last.changelog'].map((name) => ({
        name,
        partitions,
        config,
      })),
      { name: CONTROL, partitions: 1, config },
    ]);
    const reader = this.#kafka.reader();
    this.#claims = claimWriter({ producer: this.#kafka.producer(), topic: CONTROL, intervalMs: 1 << 30 });
    await this.#progress.follow(reader, CONTROL, 0, 0);
    const environment: Environment = {
      kafka: this.#kafka,
      reader,
      serdes: jsonSerdes,
      names: prefixedNames(''),
      engine: memoryEngine(),
      clock: this.clock,
      clusterId: 'memory',
      partitions: () => partitions,
      sourceOfTopic: new Map(),
      rejected,
      progress: this.#progress,
      claims: this.#claims,
      metrics: noMetrics,
      log: () => undefined,
      changelogDeleteRetentionMs: 1 << 30,
    };
    for (const processor of processors) {
      const own: Task[] = [];
      for (let partition = 0; partition < partitions; partition++) {
        const task = new Task(environment, processor, partition);
        await task.takeOver();
        task.state = 'running';
        own.push(task);
      }
      this.#tasks.push(...own);
      this.#adopters.push(
        new Adopter({
          admin,
          progress: this.#progress,
          tasks: () => own,
          upstream: () => {
            const claims = upstreamClaims({ progress: this.#progress }, processor, partitions, [this.#source]);
            if (this.#mutation === 'no-feed-claims' && processor.name === 'first')
              return new Map([['s', { at: this.#progress.tick, ended: false }]]);
            return claims;
          },
        }),
      );
    }
    this.#feed = openFeed({
      instance: 'g',
      sources: [this.#source],
      progress: this.#progress,
      claims: this.#claims,
      intervalMs: 1 << 30,
    });
  }

  /** A request comes in now with an event that occurred at `at`; the gateway sends it on after so many turns, and answers when the broker has acknowledged it. */
  request(id: number, at: number, turns: number): void {
    const end = this.#feed?.begin();
    const producer = this.#kafka.producer();
    const record = { key: Buffer.from(String(id)), value: Buffer.from(JSON.stringify({ id, at })) };
    const send = async (): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) await immediate();
      await producer.send({ topic: 'raw', partition: partitionFor(String(id), partitions), records: [record] });
      end?.();
    };
    this.#requests.push(send());
  }

  /** A record of a foreign producer: the broker stamps it now, and has it on all replicas, and acknowledges it, so much later. */
  produce(id: number, replicationMs: number): number {
    const at = this.clock.now();
    this.#unreplicated.push({ until: at + replicationMs, id, at });
    this.#replicate();
    return at;
  }

  #replicate(): void {
    // In a partition only the oldest ones that are complete show.
    const done = this.#unreplicated.findIndex(({ until }) => until > this.clock.now());
    for (const { id, at } of this.#unreplicated.splice(0, done === -1 ? this.#unreplicated.length : done)) {
      const record = {
        key: Buffer.from(String(id)),
        value: Buffer.from(JSON.stringify({ id, at })),
        headers: { source: Buffer.from('s') },
      };
      this.#broker.append('raw', partitionFor(String(id), partitions), [record]);
    }
  }

  readonly actions: readonly (() => void | Promise<unknown>)[] = [
    () => {
      this.clock.advance(7);
      this.#replicate();
    },
    () => {
      this.#claims?.tick();
      return this.#claims?.flush();
    },
    () => this.#feed?.advance(),
    () => {
      if (this.#mutation === 'claim-before-commit') for (const task of this.#tasks) claimOffered(task, this.#claims);
      return this.#claims?.flush();
    },
    () => {
      const { at } = sourceWatermark(this.#progress, this.#source, 'first', partitions);
      if (at > Number.NEGATIVE_INFINITY) this.#claims?.claim({ stage: SOURCE, task: '0', source: 's', at });
    },
    () => this.#adopters[0]?.poke(),
    () => this.#adopters[1]?.poke(),
    () => this.#adopters[2]?.poke(),
    ...Array.from({ length: 9 }, (_, i) => () => this.#step(i)),
    () => immediate(),
  ];

  /** A step of one task; a task takes one step at a time, while others go on. */
  async #step(i: number): Promise<void> {
    const task = this.#tasks[i];
    if (!task || this.#busy.has(i)) return;
    this.#busy.add(i);
    try {
      await task.step();
    } finally {
      this.#busy.delete(i);
    }
  }

  /** Lets everything run to its end: all acknowledged events seen, the watermark beyond them, all timers fired. */
  async finish(): Promise<void> {
    await Promise.all(this.#requests);
    for (let round = 0; round < 60; round++) {
      for (const action of this.actions) await action();
      await this.#broker.settled();
    }
    await this.#feed?.close();
    for (const task of this.#tasks) await task.close();
    await this.#kafka.close();
  }
}

/** What an admin that asks for the last stable offset would say: committed records may wait above it. */
function endsFromLso(admin: Admin, broker: MemoryBroker): Admin {
  return {
    clusterId: () => admin.clusterId(),
    createTopics: (specs) => admin.createTopics(specs),
    deleteTopics: (names) => admin.deleteTopics(names),
    topics: () => admin.topics(),
    partitions: (topic) => admin.partitions(topic),
    startOffsets: (wanted) => admin.startOffsets(wanted),
    stableOffsets: (wanted) => admin.stableOffsets(wanted),
    commitOffsets: (group, offsets) => admin.commitOffsets(group, offsets),
    endOffsets: async (wanted) => new Map(wanted.map((at) => [tpKey(at.topic, at.partition), broker.find(at)?.lastStable ?? 0])),
  };
}

/** Claims what is on offer although its records are still to be processed. */
function claimOffered(task: Task, claims: ClaimWriter | undefined): void {
  const at = task.watermarks.offered('s')?.at;
  if (at !== undefined) claims?.claim({ stage: task.id.processor, task: String(task.id.partition), source: 's', at });
}
