import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { tpKey } from '../../../runtime/record.ts';

/** A committed record, its value as text. */
export interface TextRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly text: string;
}

/** Everything committed in the topics up to now, as our client reads it afresh; for what Kafka's own client says see the other reader. */
export async function readInside(kafka: Kafka, topics: readonly string[]): Promise<TextRow[]> {
  const rows: TextRow[] = [];
  const reader = kafka.reader();
  for (const topic of topics) {
    const partitions = Array.from({ length: (await kafka.admin.partitions(topic)) ?? 0 }, (_, partition) => ({
      topic,
      partition,
    }));
    const ends = await kafka.admin.endOffsets(partitions);
    const read = partitions.map(({ partition }) => {
      const end = ends.get(tpKey(topic, partition)) ?? 0;
      return new Promise<void>((resolve, reject) => {
        const drain = (): void => {
          for (const { offset, key, value } of stream.take(Infinity)) {
            rows.push({ topic, partition, offset, key: String(key), text: String(value) });
          }
          if (stream.error) reject(stream.error);
          else if (stream.position >= end) resolve();
        };
        const stream = reader.open({ topic, partition }, 0, { notify: drain });
        drain();
      });
    });
    await Promise.all(read);
  }
  await reader.close();
  return rows;
}
