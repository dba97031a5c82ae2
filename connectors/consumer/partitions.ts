import { FreshetError } from '../../runtime/errors.ts';
import type { Kafka, PartitionReader, PartitionStream } from '../../runtime/kafka/contract.ts';
import { type RawRecord, type TopicPartition, tpKey } from '../../runtime/record.ts';

/** All partitions of a topic; TOPIC_MISMATCH when it is not there. */
export async function partitionsOf(kafka: Kafka, topic: string): Promise<readonly TopicPartition[]> {
  const count = await kafka.admin.partitions(topic);
  if (count === undefined) throw new FreshetError('TOPIC_MISMATCH', `there is no topic ${topic}: is the prefix right?`);
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

/** The offset of each partition by its number, from a map by `tpKey`. */
export function byPartition(all: readonly TopicPartition[], offsets: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(all.map(({ topic, partition }) => [partition, offsets.get(tpKey(topic, partition)) ?? 0]));
}

export interface Read {
  readonly partition: number;
  readonly record: RawRecord;
}

export interface ReadOptions {
  readonly reader: PartitionReader;
  readonly partitions: readonly TopicPartition[];
  /** By partition. */
  readonly from: Readonly<Record<string, number>>;
  /** By partition: it ends when all have come so far; left out: it does not. */
  readonly until?: Readonly<Record<string, number>>;
  readonly signal?: AbortSignal | undefined;
}

/** A few, so that one partition that is far behind does not keep the others waiting. */
const TURN = 200;

/** Reads partitions in turn, committed records only; nothing at or beyond `until`. */
export async function* readPartitions(options: ReadOptions): AsyncGenerator<Read, void, undefined> {
  const { reader, partitions, from, until, signal } = options;
  let wake = (): void => undefined;
  const notify = (): void => wake();
  signal?.addEventListener('abort', notify);
  const streams = partitions.map((at) => reader.open(at, from[at.partition] ?? 0, { notify: () => wake() }));
  const endOf = ({ partition }: PartitionStream): number => until?.[partition] ?? Number.POSITIVE_INFINITY;
  const isOver = (stream: PartitionStream): boolean => stream.position >= endOf(stream);
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      let taken = 0;
      for (const stream of streams) {
        if (stream.error !== undefined) throw stream.error;
        for (const record of isOver(stream) ? [] : stream.take(TURN)) {
          if (signal?.aborted) return;
          taken += 1;
          if (record.offset < endOf(stream)) yield { partition: stream.partition, record };
        }
      }
      if (signal?.aborted || streams.every(isOver)) return;
      if (taken === 0) await woken;
    }
  } finally {
    signal?.removeEventListener('abort', notify);
    for (const stream of streams) stream.close();
  }
}
