import { setImmediate as immediate } from 'node:timers/promises';
import { allTopics } from '../../cli/pipeline.ts';
import { topologyOf } from '../../cli/topology.ts';
import { recordBatches } from '../../connectors/sources/gateway/records.ts';
import type { RulesConfig } from '../../processors/evaluate-segments/index.ts';
import type { Node } from '../../processors/stitch-identity/site.ts';
import { lastCustomer } from '../../processors/stitch-identity/timeline.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { Processor } from '../../runtime/processor.ts';
import type { Task } from '../../runtime/task.ts';
import { type DriverOptions, TopologyTestDriver } from '../../runtime/testing/driver.ts';
import type { Topic } from '../../runtime/topic.ts';
import { ProgressTable } from '../../runtime/watermarks/progress.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { opaqueKey } from '../../schemas/keys.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import type { Registry } from '../../schemas/registry/registry.ts';
import { primaryIdentifier, type SegmentMessage } from '../../schemas/segment-message.ts';
import { sourceClock } from '../../schemas/source-clock.ts';
import { createSerdes, type Serdes } from '../../schemas/serdes.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';
import type { Workspace } from '../../workspace/load.ts';
import { sharedClaims, Watermarks } from './watermarks.ts';

/** When every walk begins: a Tuesday morning. Chapters count in minutes from here. */
export const start = Date.UTC(2030, 0, 1, 10);
const minute = 60_000;

/** Minutes after the start of the walk as epoch milliseconds. */
export const at = (minutes: number): number => start + Math.round(minutes * minute);

/** What walks stand on where it is not the plain memory: a broker, stores, a registry that fail, another way to take a step. */
export type Ground = Pick<DriverOptions, 'broker' | 'clock' | 'engine' | 'partitions' | 'processClock' | 'step'> & {
  readonly registry?: Registry;
};

let groundOf: () => Ground = () => ({});
/** Lets the walks that are opened from now on stand on such ground. */
export function standOn(ground: () => Ground): void {
  groundOf = ground;
}

/** Who calls, as an SDK says it. */
export interface Who {
  readonly userId?: string;
  readonly anonymousId?: string;
}

type Fields = Readonly<Record<string, unknown>>;

export const track = (who: Who, event: string, properties: Fields = {}, more: Fields = {}): SegmentMessage => ({
  type: 'track',
  ...who,
  event,
  properties,
  ...more,
});
export const identify = (who: Who, traits: Fields = {}, more: Fields = {}): SegmentMessage => ({
  type: 'identify',
  ...who,
  traits,
  ...more,
});

interface Parts {
  readonly workspace: Workspace;
  readonly driver: TopologyTestDriver;
  readonly watermarks: Watermarks;
  readonly serdes: Serdes;
  readonly sources: readonly SourceConfig[];
  readonly processors: readonly Processor[];
}

/**
 * The whole walk of a workspace without a broker: the real processors, four tasks each, over a broker in memory, with the
 * real clocks of its sources. `at` alone moves the time, which is that of the brokers; nothing happens but in `settle`.
 */
export class Walk implements Parts {
  readonly workspace: Workspace;
  readonly driver: TopologyTestDriver;
  readonly watermarks: Watermarks;
  readonly serdes: Serdes;
  readonly sources: readonly SourceConfig[];
  readonly processors: readonly Processor[];
  #sent = 0;
  #asleep: ReadonlySet<Task> = new Set();

  private constructor({ workspace, driver, watermarks, serdes, sources, processors }: Parts) {
    this.workspace = workspace;
    this.driver = driver;
    this.watermarks = watermarks;
    this.serdes = serdes;
    this.sources = sources;
    this.processors = processors;
  }

  /** `rules`: how the segments of the workspace came after others. */
  static async open(workspace: Workspace, names?: readonly string[], rules?: RulesConfig): Promise<Walk> {
    const sources = workspace.sources.filter(({ name, mode }) => names?.includes(name) ?? mode === 'live');
    const { registry = new MemoryRegistry(), ...ground } = groundOf();
    const declared = allTopics(sources);
    const serdes = createSerdes({ registry, topics: declared });
    const processors = topologyOf(workspace, sources, createRawDecoder({ registry }), rules);
    const known = new Set(declared.map(({ name }) => name));
    await serdes.register(processors.flatMap(({ outputs }) => outputs.filter(({ name }) => !known.has(name))));
    const progress = new ProgressTable();
    let now = (): number => start;
    const claims = sharedClaims(progress, { now: () => now() });
    const ofTopic = sources
      .filter(({ input }) => input.kind !== 'endpoint')
      .map(({ name }) => [rawTopic(name).name, name] as const);
    const driver = await TopologyTestDriver.start({
      processors,
      serdes,
      rejected: topics.eventsRejected,
      now: start,
      claims,
      sourceOfTopic: new Map(ofTopic),
      ...ground,
    });
    now = () => driver.clock.now();
    const watermarks = new Watermarks({
      progress,
      claims,
      processors,
      partitions: driver.partitions,
      kafka: driver.broker.client(),
      sources: sources.map((source) => sourceClock(source, sources)),
      tasks: () => driver.tasks,
    });
    return new Walk({ workspace, driver, watermarks, serdes, sources, processors });
  }

  /** It is so many minutes after the start now, and these calls come in. */
  at(minutes: number, ...calls: readonly SegmentMessage[]): void {
    const ahead = at(minutes) - this.driver.clock.now();
    if (ahead > 0) this.driver.advance(ahead);
    for (const call of calls) this.send(call);
  }

  /**
   * A call of the Segment specification comes in, and the gateway writes it as it does. What is left out: it happens now,
   * under a message id of its own, and belongs to the first source that takes such calls. `sentAt` is what the device says.
   */
  send(call: SegmentMessage, { source = this.endpoint, sentAt }: { source?: string; sentAt?: number } = {}): void {
    const now = this.driver.clock.now();
    const message = { messageId: `m${++this.#sent}`, timestamp: new Date(now).toISOString(), ...call };
    const { kind, value } = primaryIdentifier(message) ?? { kind: 'none', value: '' };
    const taken = {
      value: Buffer.from(JSON.stringify(message)),
      messageId: message.messageId,
      key: this.keyOf(kind, value),
      sentAt: sentAt === undefined ? undefined : new Date(sentAt).toISOString(),
    };
    const context = { partitions: this.driver.partitions, source, receivedAt: now, at: now, isRetry: false };
    for (const { partition, records } of recordBatches([taken], context, 1 << 20))
      this.driver.broker.append(topics.eventsRaw.name, partition, records);
  }

  /** A record comes to the raw topic of a source, from any producer. */
  produce(source: string, key: string, record: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const value = Buffer.isBuffer(record) ? record : Buffer.from(JSON.stringify(record));
    this.driver.pipe(rawTopic(source), key, value, { headers });
  }

  /** Lets everything run: records through all hops, clocks through all stages, timers that are due. */
  async settle(): Promise<void> {
    do await this.driver.settle();
    while (await this.watermarks.pass());
  }

  /** Lets only the hops before the last ones run, then offers these what they may adopt once they have read it all. */
  async settleBefore(...last: readonly string[]): Promise<void> {
    const { driver, watermarks, processors } = this;
    const isLast = ({ name }: { readonly name: string }): boolean => last.includes(name);
    const first = processors.filter((processor) => !isLast(processor));
    for (let quiet = 0; quiet < 5; quiet++) {
      await immediate();
      for (const task of driver.tasks) if (!last.includes(task.id.processor)) while (await driver.step(task)) quiet = 0;
      watermarks.read();
      for (const processor of first) if (await watermarks.offer(processor)) quiet = 0;
    }
    for (const processor of processors.filter(isLast)) await watermarks.offer(processor);
  }

  /**
   * So many small things happen, whatever may be next: a task takes a step, a clock is read, or goes one stage on. Some tasks
   * sleep meanwhile; from time to time it is others.
   */
  async stir(times: number, random: () => number): Promise<void> {
    const { processors, driver, watermarks } = this;
    const { tasks } = driver;
    if (random() < 0.3) this.#asleep = new Set(tasks.filter(() => random() < 0.25));
    for (let i = 0; i < times; i++) {
      await immediate();
      const chosen = Math.floor(random() * (tasks.length + 2 * processors.length));
      const [task, processor] = [tasks[chosen], processors[chosen - tasks.length]];
      if (task) await (this.#asleep.has(task) ? undefined : driver.step(task));
      else if (processor) await watermarks.offer(processor);
      else watermarks.read();
    }
  }

  /** Values that have come to a topic since the last time, in the order of partition and offset. */
  read<V>(topic: Topic<V>): V[] {
    return this.driver.read(topic).map(({ value }) => value);
  }

  /** New changes of membership, in words: `entered vip at 30 (timer)`, in minutes from the start. */
  changes(): string[] {
    return this.driver.read(topics.segmentsMembership).map(({ value }) => inWords(value));
  }

  /** The customer to whom an identifier belongs by now. */
  customer(kind: string, value: string): string {
    const node = this.driver.state('stitch-identity', this.keyOf(kind, value), 'n') as Node | undefined;
    return lastCustomer(node?.timeline ?? []);
  }

  keyOf(kind: string, value: string): string {
    return opaqueKey(this.workspace.secret, kind, value);
  }

  /** Partition of the records of an identifier, or of a customer. */
  partitionOf(key: string): number {
    return partitionFor(key, this.driver.partitions);
  }

  get endpoint(): string {
    return this.sources.find(({ input, transform }) => input.kind === 'endpoint' && transform === null)?.name ?? '';
  }

  async close(): Promise<void> {
    await this.watermarks.stopFeed();
    await this.driver.close();
  }
}

/** A change of membership in words. */
export function inWords({ change, segment, effectiveAt, cause }: MembershipChange): string {
  return `${change} ${segment} at ${(effectiveAt - start) / minute} (${cause.kind})`;
}
