import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Kafka, PartitionReader, PartitionStream, ProduceBatch, StreamOptions } from '../../../runtime/kafka/contract.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import type { ErrorCode } from '../../../runtime/errors.ts';
import { tpKey } from '../../../runtime/record.ts';
import type { ProduceRecord, RawRecord, TopicPartition } from '../../../runtime/record.ts';

/** A transaction that a test holds open. */
export interface OpenTransaction {
  write(batches: readonly ProduceBatch[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** What the suite needs of an implementation beyond the contract. All clients belong to one cluster. */
export interface KafkaHarness {
  connect(): Promise<Kafka>;
  begin(transactionalId: string, partitions: readonly TopicPartition[]): Promise<OpenTransaction>;
  /** Drops everything of the partition below the offset. */
  truncate(partition: TopicPartition, offset: number): Promise<void>;
  /** Resolves when older values of a key are gone from the topic (made with `compacted`). */
  compact(topic: string): Promise<void>;
  close(): Promise<void>;
}

/** Topic config under which a real broker compacts within seconds. */
export const compacted = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.001',
  'max.compaction.lag.ms': '100',
  'segment.ms': '100',
};

/** What a test works with: a client, and names that no other test has. */
export class Bench {
  readonly harness: KafkaHarness;
  readonly kafka: Kafka;
  readonly #clients: Kafka[];
  readonly #created: string[] = [];

  private constructor(harness: KafkaHarness, kafka: Kafka) {
    this.harness = harness;
    this.kafka = kafka;
    this.#clients = [kafka];
  }

  static async open(harness: KafkaHarness): Promise<Bench> {
    return new Bench(harness, await harness.connect());
  }

  name(what: string): string {
    return `conformance-${what}-${randomUUID().slice(0, 8)}`;
  }

  async topic(partitions = 4, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = this.name('topic');
    await this.kafka.admin.createTopics([{ name, partitions, config }]);
    this.#created.push(name);
    return name;
  }

  async client(): Promise<Kafka> {
    const kafka = await this.harness.connect();
    this.#clients.push(kafka);
    return kafka;
  }

  begin(partitions: readonly TopicPartition[]): Promise<OpenTransaction> {
    return this.harness.begin(this.name('txn'), partitions);
  }

  async end(partition: TopicPartition): Promise<number> {
    const ends = await this.kafka.admin.endOffsets([partition]);
    return ends.get(tpKey(partition.topic, partition.partition)) ?? -1;
  }

  /** Everything that a new stream hands out up to the end that the partition has now. */
  async read(partition: TopicPartition, from = 0, options: StreamOptions = {}): Promise<readonly RawRecord[]> {
    const end = await this.end(partition);
    const reader = this.kafka.reader();
    const stream = new Watched(reader, partition, from, options);
    try {
      return await stream.upTo(end);
    } finally {
      await reader.close();
    }
  }

  async close(): Promise<void> {
    await this.kafka.admin.deleteTopics(this.#created);
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

/** A stream with promises in place of its notifications. */
export class Watched {
  readonly stream: PartitionStream;
  notified = 0;
  #wake: () => void = () => undefined;

  constructor(reader: PartitionReader, partition: TopicPartition, from = 0, options: StreamOptions = {}) {
    const notify = (): void => {
      this.notified++;
      this.#wake();
    };
    this.stream = reader.open(partition, from, { ...options, notify });
  }

  /** Resolves when the condition holds, which is looked at after each notification. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes until the position has reached `end`. */
  async upTo(end: number): Promise<readonly RawRecord[]> {
    const taken: RawRecord[] = [];
    for (;;) {
      taken.push(...this.stream.take(100));
      if (this.stream.error !== undefined) throw this.stream.error;
      if (this.stream.position >= end && this.stream.queued === 0) return taken;
      await this.until(() => this.stream.queued > 0 || this.stream.position >= end || this.stream.error !== undefined);
    }
  }

  /** Takes until so many records have come. */
  async take(count: number): Promise<readonly RawRecord[]> {
    const taken: RawRecord[] = [];
    while (taken.length < count) {
      await this.until(() => this.stream.queued > 0 || this.stream.error !== undefined);
      if (this.stream.error !== undefined) throw this.stream.error;
      taken.push(...this.stream.take(count - taken.length));
    }
    return taken;
  }
}

export function record(value: string, key: string | null = value): ProduceRecord {
  return { key: key === null ? null : Buffer.from(key), value: Buffer.from(value) };
}

export function records(count: number, prefix = 'r'): ProduceRecord[] {
  return Array.from({ length: count }, (_, index) => record(`${prefix}${index}`));
}

export function values(found: readonly RawRecord[]): string[] {
  return found.map(({ value }) => String(value));
}

/** Expects a rejection with a FreshetError of this code, and returns it. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<FreshetError> {
  const error: unknown = await promise.then(
    () => new Error('it resolved'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FreshetError);
  expect(error).toHaveProperty('code', code);
  return error as FreshetError;
}
