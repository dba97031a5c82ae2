import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { tpKey } from '../../../runtime/record.ts';
import type { TopicSpec } from '../../../runtime/topic.ts';
import { eventually } from '../../support/eventually.ts';
import { CONTROL, type Numbered, PARTITIONS, processors, RAW, type Value } from '../hosts/topology.ts';
import { Host } from './host.ts';
import { readInside, type TextRow } from './inside-reader.ts';
import { LiveReader } from './live-reader.ts';
import { type History, judge, spotless, type Row, summary, type Verdict } from './oracle.ts';
import { readCommitted } from './outside-reader.ts';
import { readChangelogs, readStores } from './state-reader.ts';
import { violated } from './violations.ts';

export const SESSION_TIMEOUT_MS = 6_000;
const SOURCES = 4;
const outputs = ['echoes', 'spread', 'results'] as const;

export interface DeploymentOptions {
  readonly brokers: readonly string[];
  /** Where the hosts find them, if not there. */
  readonly hostBrokers?: readonly string[];
  readonly hosts: number;
  /** Different keys of the numbers. */
  readonly keys?: number;
  readonly changelogConfig?: Readonly<Record<string, string>>;
}

/** The toy topology on topics of its own, the processes that run it, and everything that is known of it from outside. */
export class Deployment {
  readonly hosts: readonly Host[];
  readonly prefix: string;
  readonly dataDir: string;
  readonly kafka: Kafka;
  readonly sent = new Set<string>();
  readonly acked = new Set<string>();
  readonly #brokers: readonly string[];
  readonly #live: LiveReader;
  readonly #keys: number;
  readonly #seqs = Array.from({ length: SOURCES }, () => 0);
  #produced = 0;

  private constructor(options: DeploymentOptions, kafka: Kafka, prefix: string) {
    this.#brokers = options.brokers;
    this.#keys = options.keys ?? 60;
    this.kafka = kafka;
    this.prefix = prefix;
    this.dataDir = mkdtempSync(join(tmpdir(), 'freshet-hosts-'));
    this.hosts = Array.from(
      { length: options.hosts },
      (_, slot) =>
        new Host({
          brokers: options.hostBrokers ?? options.brokers,
          prefix,
          dataDir: join(this.dataDir, `host-${slot}`),
          sessionTimeoutMs: SESSION_TIMEOUT_MS,
        }),
    );
    this.#live = new LiveReader(
      kafka,
      outputs.map((name) => prefix + name),
      PARTITIONS,
    );
  }

  static async create(options: DeploymentOptions): Promise<Deployment> {
    const kafka = await connectKafka({ brokers: options.brokers, clientId: 'deployment' }, { waitMs: 60_000 });
    const prefix = `f${Math.trunc(performance.timeOrigin + performance.now()).toString(36)}.`;
    const plain = ['echoes', 'spread', 'results', 'rejected', RAW].map((name): TopicSpec => ({
      name,
      partitions: PARTITIONS,
      config: {},
    }));
    const stamped = { 'message.timestamp.type': 'LogAppendTime' };
    const compact = { 'cleanup.policy': 'compact', ...options.changelogConfig };
    const specs: TopicSpec[] = [
      ...plain,
      { name: 'numbers', partitions: PARTITIONS, config: stamped },
      { name: CONTROL, partitions: 1, config: { ...stamped, 'cleanup.policy': 'compact' } },
      ...processors.map(({ name }) => ({ name: `${name}.changelog`, partitions: PARTITIONS, config: compact })),
    ];
    await kafka.admin.createTopics(specs.map((spec) => ({ ...spec, name: prefix + spec.name })));
    return new Deployment(options, kafka, prefix);
  }

  /** The host with this number; they are there from the start, running or not. */
  host(slot: number): Host {
    const host = this.hosts[slot];
    if (host === undefined) throw new RangeError(`there is no host ${slot}`);
    return host;
  }

  /** Sends so many numbers under keys in turn; resolves when all are acknowledged. */
  async produce(count: number, producer = this.kafka.producer()): Promise<void> {
    const batches = new Map<number, { id: string; key: string; value: Numbered }[]>();
    for (let i = 0; i < count; i++) {
      const number = this.#produced++ % this.#keys;
      const source = number % SOURCES;
      const seq = this.#seqs[source] ?? 0;
      this.#seqs[source] = seq + 1;
      const key = `k${number}`;
      const partition = partitionFor(key, PARTITIONS);
      const batch = batches.get(partition) ?? [];
      batches.set(partition, batch);
      batch.push({ id: `${source}/${seq}`, key, value: { kind: 'number', source, seq, amount: (seq * 7 + source) % 101 } });
    }
    const topic = `${this.prefix}numbers`;
    await Promise.all(
      [...batches].map(async ([partition, batch]) => {
        for (const { id } of batch) this.sent.add(id);
        const records = batch.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) }));
        await producer.send({ topic, partition, records }, { timeoutMs: 120_000 });
        for (const { id } of batch) this.acked.add(id);
      }),
    );
  }

  /** Resolves when everything acknowledged has come out at the end, timers included, as the reader beside it sees. */
  async settled(patienceMs = 90_000): Promise<void> {
    await eventually(
      async () => this.#live.distinct(`${this.prefix}results`),
      (seen) => {
        const due = [...this.acked].filter((id) => Number(id.split('/')[1]) % 20 === 0).length;
        if (seen < this.acked.size + due) throw new Error(`only ${seen} of ${this.acked.size} + ${due} results have come`);
      },
      { patienceMs },
    );
  }

  /** Sends so many numbers, again and again with a pause, until what it returns is called, which resolves when all are acknowledged. */
  steadily(count: number, everyMs: number): () => Promise<void> {
    const over = new AbortController();
    const producer = this.kafka.producer();
    const producing = (async () => {
      while (!over.signal.aborted) {
        await this.produce(count, producer);
        await delay(everyMs);
      }
    })();
    return async () => {
      over.abort();
      await producing;
    };
  }

  /**
   * Everything there is to judge; the hosts must have been stopped in order. Committed is what Kafka's own client reads, or, in a
   * tenth of the time, what ours reads afresh: then the two are to be compared once for all deployments of a file.
   */
  async history(by: 'kafka' | 'ours' = 'kafka'): Promise<History> {
    const names = ['numbers', ...outputs].map((name) => this.prefix + name);
    const rows = by === 'kafka' ? await readCommitted(this.#brokers, names) : (await readInside(this.kafka, names)).map(rowOf);
    const ends = await this.kafka.admin.endOffsets(
      outputs.flatMap((name) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: this.prefix + name, partition }))),
    );
    await this.#live.upTo(ends);
    const strip = (row: Row): Row => ({ ...row, topic: row.topic.slice(this.prefix.length) });
    return {
      sent: this.sent,
      acked: this.acked,
      committed: rows.map(strip),
      live: this.#live.rows.map(strip),
      stores: await readStores(
        this.hosts.map(({ settings }) => settings.dataDir),
        processors.map(({ name }) => name),
        PARTITIONS,
      ),
      changelogs: await readChangelogs(
        this.kafka,
        this.prefix,
        processors.map(({ name }) => name),
        PARTITIONS,
      ),
    };
  }

  /** How many records of aborted transactions lie in the outputs: what a reader must not see. */
  async abortedInLog(): Promise<number> {
    const reader = new LiveReader(
      this.kafka,
      outputs.map((name) => this.prefix + name),
      PARTITIONS,
      'read_uncommitted',
    );
    const ends = await this.kafka.admin.endOffsets(reader.partitions);
    await reader.upTo(ends);
    await reader.close();
    return reader.rows.length - this.#live.rows.length;
  }

  async position(topic: string, partition: number): Promise<number> {
    const at = { topic: this.prefix + topic, partition };
    return (await this.kafka.admin.endOffsets([at])).get(tpKey(at.topic, partition)) ?? -1;
  }

  /** What has come in an output so far. */
  rows(topic: (typeof outputs)[number]): readonly Row[] {
    return this.#live.rows.filter((row) => row.topic === this.prefix + topic);
  }

  /** Ends the hosts in order, judges, and tells the one line. */
  async judged(name: string, faults: number, by: 'kafka' | 'ours' = 'kafka'): Promise<Verdict> {
    await Promise.all(this.hosts.filter((host) => host.alive).map((host) => host.stop()));
    const verdict = judge(await this.history(by));
    const line = `${name}: ${summary(faults, this.acked.size, verdict)}`;
    process.stderr.write(`freshet: ${line}\n`);
    if (!isDeepStrictEqual(verdict, spotless)) violated(line);
    return verdict;
  }

  /** Ends what is left of it. */
  async close(): Promise<void> {
    for (const host of this.hosts) {
      host.signal('SIGCONT');
      await host.kill();
    }
    await this.#live.close();
    await this.kafka.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function rowOf({ text, ...row }: TextRow): Row {
  return { ...row, value: JSON.parse(text) as Value };
}
