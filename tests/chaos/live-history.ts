import { createHash } from 'node:crypto';
import type { Kafka, PartitionReader, PartitionStream } from '../../runtime/kafka/contract.ts';
import { type TopicPartition, tpKey } from '../../runtime/record.ts';

/** What a reader was handed of one partition, in its order. */
export interface HandedOut {
  readonly offsets: number[];
  /** 48 bits over key and value. */
  readonly hashes: number[];
  /** Offsets that did not rise. */
  repeated: number;
}

/** 48 bits over key and value. */
export function hashOf(key: Buffer | null, value: Buffer | null): number {
  const hash = createHash('sha1')
    .update(key ?? 'no key')
    .update('\0')
    .update(value ?? 'no value')
    .digest();
  return hash.readUIntBE(0, 6);
}

/** Reads topics read_committed from their beginning while everything goes on, and remembers what it was handed. */
export class LiveHistory {
  readonly handed = new Map<string, HandedOut>();
  /** Records by topic that are not control records. */
  readonly counts = new Map<string, number>();
  readonly #reader: PartitionReader;
  readonly #streams: readonly PartitionStream[];

  constructor(kafka: Kafka, topics: readonly string[], partitions: number) {
    this.#reader = kafka.reader();
    const all = topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
    this.#streams = all.map((at) => {
      this.handed.set(tpKey(at.topic, at.partition), { offsets: [], hashes: [], repeated: 0 });
      const stream = this.#reader.open(at, 0, { notify: () => this.#take(stream) });
      return stream;
    });
  }

  get partitions(): readonly TopicPartition[] {
    return this.#streams;
  }

  count(topic: string): number {
    return this.counts.get(topic) ?? 0;
  }

  /** Records of all topics. */
  get total(): number {
    let sum = 0;
    for (const count of this.counts.values()) sum += count;
    return sum;
  }

  /** True when it has been handed everything below `ends`. */
  isAt(ends: ReadonlyMap<string, number>): boolean {
    for (const stream of this.#streams) {
      if (stream.error) throw stream.error;
      this.#take(stream);
      if (stream.position < (ends.get(tpKey(stream.topic, stream.partition)) ?? 0)) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #take(stream: PartitionStream): void {
    const { topic, partition } = stream;
    const handed = this.handed.get(tpKey(topic, partition));
    if (handed === undefined) return;
    let events = 0;
    for (const { offset, key, value, headers } of stream.take(Infinity)) {
      if (offset <= (handed.offsets.at(-1) ?? -1)) handed.repeated += 1;
      handed.offsets.push(offset);
      handed.hashes.push(hashOf(key, value));
      if (headers['marker'] === undefined) events += 1;
    }
    if (events > 0) this.counts.set(topic, this.count(topic) + events);
  }
}
