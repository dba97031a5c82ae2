import type { Kafka, PartitionReader, PartitionStream, StreamOptions } from '../../../runtime/kafka/contract.ts';
import { type TopicPartition, tpKey } from '../../../runtime/record.ts';
import type { Value } from '../hosts/topology.ts';
import type { Row } from './oracle.ts';

/** Reads topics from their beginning while everything goes on, and keeps what it was handed. */
export class LiveReader {
  readonly rows: Row[] = [];
  readonly partitions: readonly TopicPartition[];
  readonly #reader: PartitionReader;
  readonly #streams: readonly PartitionStream[];
  readonly #distinct = new Map<string, Set<string>>();
  #moved: () => void = () => undefined;

  constructor(
    kafka: Kafka,
    topics: readonly string[],
    partitions: number,
    isolation: StreamOptions['isolation'] = 'read_committed',
  ) {
    this.partitions = topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
    this.#reader = kafka.reader();
    this.#streams = this.partitions.map((at): PartitionStream => {
      const stream = this.#reader.open(at, 0, { isolation, notify: () => this.#take(stream) });
      return stream;
    });
  }

  /** How many different events of a kind have come in a topic. */
  distinct(topic: string): number {
    return this.#distinct.get(topic)?.size ?? 0;
  }

  /** Resolves when all has been taken that lies below these ends. */
  async upTo(ends: ReadonlyMap<string, number>): Promise<void> {
    const behind = (): boolean =>
      this.#streams.some(({ topic, partition, position }) => position < (ends.get(tpKey(topic, partition)) ?? 0));
    while (behind()) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
        if (!behind()) resolve();
      });
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #take(stream: PartitionStream): void {
    const { topic, partition } = stream;
    for (const { offset, key, value } of stream.take(Infinity)) {
      const row: Row = { topic, partition, offset, key: String(key), value: JSON.parse(String(value)) as Value };
      this.rows.push(row);
      const seen = this.#distinct.get(topic) ?? new Set();
      this.#distinct.set(topic, seen.add(`${row.value.kind} ${row.value.source}/${row.value.seq}`));
    }
    this.#moved();
  }
}
