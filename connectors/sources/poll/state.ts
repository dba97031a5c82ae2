import type { Kafka, ProduceBatch } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { tpKey } from '../../../runtime/record.ts';
import type { Topic } from '../../../runtime/topic.ts';

/** How far a source has been asked for: what the next question needs, wherever it is put. */
export interface PollState {
  readonly cursor: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** SHA-256 of the last answer, for sides that have neither. */
  readonly digest: string | null;
  /** Records of an answer of this digest that have been taken in, while there are more of it; null: it is done. */
  readonly partly: { readonly digest: string; readonly taken: number } | null;
  /** When the last question was asked, broker time, epoch milliseconds. */
  readonly askedAt: number;
}

/** Of each polled source the state after its last answer, in the transaction of the records that the answer held. */
export const pollsTopic: Topic<Buffer> = {
  name: 'sources.polls',
  format: { kind: 'bytes' },
  key: 'source',
  partitions: 'shared',
  retention: { kind: 'compact', maxCompactionLagMs: 7 * 86_400_000, deleteRetentionMs: 86_400_000 },
  timestamps: 'create',
  internal: true,
  doc: 'How far each polled source has been asked for; see connectors/sources/poll.',
};

/** The record that says so; `topic` is the physical name. */
export function stateBatch(topic: string, partitions: number, source: string, state: PollState): ProduceBatch {
  const record = { key: Buffer.from(source), value: Buffer.from(JSON.stringify(state)) };
  return { topic, partition: partitionFor(source, partitions), records: [record] };
}

/**
 * The last committed state of a source, undefined before the first. To be asked for once earlier owners are fenced: then nothing
 * comes after the end that it reads to.
 */
export async function readState(kafka: Kafka, topic: string, partitions: number, source: string): Promise<PollState | undefined> {
  const at = { topic, partition: partitionFor(source, partitions) };
  const id = tpKey(at.topic, at.partition);
  const start = (await kafka.admin.startOffsets([at])).get(id) ?? 0;
  const end = (await kafka.admin.endOffsets([at])).get(id) ?? 0;
  const reader = kafka.reader();
  let found: PollState | undefined;
  try {
    let wake = (): void => undefined;
    const stream = reader.open(at, start, { notify: () => wake() });
    while (stream.position < end) {
      if (stream.error) throw stream.error;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const records = stream.take(1000);
      for (const { key, value } of records)
        if (value !== null && key?.toString('utf8') === source) found = JSON.parse(value.toString('utf8')) as PollState;
      if (records.length === 0 && stream.position < end) await woken;
    }
    stream.close();
  } finally {
    await reader.close();
  }
  return found;
}
