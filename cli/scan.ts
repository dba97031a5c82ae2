import type { Kafka } from '../runtime/kafka/contract.ts';
import { type RawRecord, type TopicPartition, tpKey } from '../runtime/record.ts';

/** Whether a scan is to go on. */
export type Verdict = 'go on' | 'stop';

/**
 * Reads a topic once, from its start to the end it has now, committed records only. `visit` says `stop` when it has seen
 * enough; what it promises is waited for. For questions of people: it reads everything that is retained.
 */
export async function scanTopic(
  kafka: Kafka,
  topic: string,
  visit: (record: RawRecord, at: TopicPartition) => Verdict | Promise<Verdict>,
): Promise<void> {
  const count = (await kafka.admin.partitions(topic)) ?? 0;
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  const starts = await kafka.admin.startOffsets(partitions);
  const ends = await kafka.admin.endOffsets(partitions);
  const reader = kafka.reader();
  try {
    for (const at of partitions) {
      const id = tpKey(at.topic, at.partition);
      const end = ends.get(id) ?? 0;
      let wake: () => void = () => undefined;
      const stream = reader.open(at, starts.get(id) ?? 0, { notify: () => wake() });
      try {
        while (stream.position < end) {
          if (stream.error) throw stream.error;
          const records = stream.take(1000);
          for (const record of records) {
            const verdict = visit(record, at);
            if ((typeof verdict === 'string' ? verdict : await verdict) === 'stop') return;
          }
          if (records.length > 0 || stream.queued > 0 || stream.position >= end) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (stream.queued > 0 || stream.position >= end || stream.error) resolve();
          });
        }
      } finally {
        stream.close();
      }
    }
  } finally {
    await reader.close();
  }
}
