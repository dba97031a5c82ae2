import { byTopic, writeArray } from './request.ts';
import type { ApiRequest } from './request.ts';
import type { AbortedTransaction } from './committed-filter.ts';
import type { TopicPartition } from '../record.ts';

export interface FetchPartition extends TopicPartition {
  readonly offset: number;
}

export interface FetchOptions {
  readonly isolation: 'read_committed' | 'read_uncommitted';
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
}

export interface FetchedPartition extends TopicPartition {
  readonly errorCode: number;
  /** Nothing that is handed out lies at or above it; left out, it is not known. */
  readonly highWatermark?: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they lie in the log, the last one may be cut off. */
  readonly batches: Buffer;
}

/** Without a fetch session; answered as soon as one byte is there. */
export function fetch(partitions: readonly FetchPartition[], options: FetchOptions): ApiRequest<FetchedPartition[]> {
  return {
    apiKey: 1,
    apiVersion: 11,
    name: 'Fetch',
    readOnly: true,
    waits: options.maxWaitMs,
    encode: (to) => {
      to.writeInt32(-1).writeInt32(options.maxWaitMs).writeInt32(1).writeInt32(options.maxBytes);
      to.writeInt8(options.isolation === 'read_committed' ? 1 : 0);
      to.writeInt32(0).writeInt32(-1);
      writeArray(to, byTopic(partitions), (to, [topic, list]) => {
        to.writeString(topic);
        writeArray(to, list, (to, { partition, offset }) => {
          to.writeInt32(partition).writeInt32(-1).writeInt64(offset).writeInt64(-1).writeInt32(options.maxPartitionBytes);
        });
      });
      to.writeInt32(0).writeString('');
    },
    decode: (from) => {
      from.readInt32();
      const errorCode = from.readInt16();
      from.readInt32();
      const topics = from.readArray((from) => {
        const topic = from.readString() ?? '';
        return from.readArray((from) => {
          const head = { topic, partition: from.readInt32(), errorCode: from.readInt16() };
          const highWatermark = Number(from.readInt64());
          for (let offset = 0; offset < 2; offset++) from.readInt64();
          const aborted = from.readArray((from) => ({
            producerId: Number(from.readInt64()),
            firstOffset: Number(from.readInt64()),
          }));
          from.readInt32();
          return { ...head, highWatermark, aborted, batches: from.readBytes() ?? Buffer.alloc(0) };
        });
      });
      if (errorCode === 0) return topics.flat();
      return partitions.map(({ topic, partition }) => ({ topic, partition, errorCode, aborted: [], batches: Buffer.alloc(0) }));
    },
  };
}
