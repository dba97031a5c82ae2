import { appendHop, HOPS } from '../../../runtime/hops.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { ProduceRecord } from '../../../runtime/record.ts';
import type { TakenEvent } from './read-events.ts';

/** What all records of one request share. Times in epoch milliseconds. */
export interface RecordContext {
  readonly partitions: number;
  readonly source: string;
  readonly receivedAt: number;
  /** When the gateway hands them on. */
  readonly at: number;
  /** On a retry `sentAt` may be that of the first attempt, so it says nothing of the sender's clock. */
  readonly isRetry: boolean;
}

/** Records of events.raw for one partition, in the order of the request, small enough for one produce request. */
export interface RecordBatch {
  readonly partition: number;
  readonly records: readonly ProduceRecord[];
}

/** What a record costs beside its value. */
const overheadBytes = 300;

/** Makes records of events and parts them by partition, in batches of at most `batchBytes` (one record may be larger). */
export function recordBatches(events: readonly TakenEvent[], context: RecordContext, batchBytes: number): readonly RecordBatch[] {
  const batches: { partition: number; records: ProduceRecord[] }[] = [];
  const open = new Map<number, { records: ProduceRecord[]; bytes: number }>();
  const source = Buffer.from(context.source);
  const receivedAt = Buffer.from(String(context.receivedAt));
  const hops = Buffer.from(appendHop(undefined, 'gateway', context.at));
  for (const { key, value, messageId, sentAt } of events) {
    const partition = partitionFor(key, context.partitions);
    const bytes = value.length + overheadBytes;
    let batch = open.get(partition);
    if (batch === undefined || batch.bytes + bytes > batchBytes) {
      batch = { records: [], bytes: 0 };
      open.set(partition, batch);
      batches.push({ partition, records: batch.records });
    }
    batch.bytes += bytes;
    batch.records.push({
      key: Buffer.from(key),
      value,
      headers: {
        source,
        'received-at': receivedAt,
        ...(sentAt === undefined || context.isRetry ? {} : { 'sent-at': Buffer.from(sentAt) }),
        [HOPS]: hops,
        'message-id': Buffer.from(messageId),
      },
    });
  }
  return batches;
}
