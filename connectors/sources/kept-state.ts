import type { Kafka } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { tpKey } from '../../runtime/record.ts';
import type { Topic } from '../../runtime/topic.ts';

/** A compacted topic of JSON by key, in which a connector keeps what it has to know wherever it goes on. */
export function stateTopic(name: string, key: string, doc: string): Topic<Buffer> {
  return {
    name,
    format: { kind: 'bytes' },
    key,
    partitions: 'shared',
    retention: { kind: 'compact', maxCompactionLagMs: 7 * 86_400_000, deleteRetentionMs: 86_400_000 },
    timestamps: 'create',
    internal: true,
    doc,
  };
}

/**
 * The committed values of the partition in which `source` keeps its state, by key. To be asked for once earlier owners are fenced:
 * then nothing comes after the end that it reads to. `topic` is the physical name.
 */
export async function readKept(
  kafka: Kafka,
  topic: string,
  partitions: number,
  source: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const at = { topic, partition: partitionFor(source, partitions) };
  const id = tpKey(at.topic, at.partition);
  const start = (await kafka.admin.startOffsets([at])).get(id) ?? 0;
  const end = (await kafka.admin.endOffsets([at])).get(id) ?? 0;
  const reader = kafka.reader();
  const found = new Map<string, Buffer>();
  try {
    let wake = (): void => undefined;
    const stream = reader.open(at, start, { notify: () => wake() });
    while (stream.position < end) {
      if (stream.error) throw stream.error;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const records = stream.take(1000);
      for (const { key, value } of records) {
        const name = key?.toString('utf8') ?? '';
        if (value === null) found.delete(name);
        else found.set(name, value);
      }
      if (records.length === 0 && stream.position < end) await woken;
    }
    stream.close();
  } finally {
    await reader.close();
  }
  return found;
}
