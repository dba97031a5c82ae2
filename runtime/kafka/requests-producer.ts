import { byTopic, writeArray } from './request.ts';
import type { ApiRequest } from './request.ts';
import { check } from './protocol-error.ts';
import type { TopicPartition } from '../record.ts';

export interface ProducerIdentity {
  readonly producerId: number;
  readonly epoch: number;
}

/** With a transactional id: fences earlier producers and aborts what they left open. Without: a new idempotent producer. */
export function initProducerId(transactionalId: string | null, transactionTimeoutMs: number): ApiRequest<ProducerIdentity> {
  return {
    apiKey: 22,
    apiVersion: 1,
    name: 'InitProducerId',
    encode: (to) => to.writeString(transactionalId).writeInt32(transactionTimeoutMs),
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `InitProducerId of ${transactionalId ?? 'a producer'}`);
      return { producerId: Number(from.readInt64()), epoch: from.readInt16() };
    },
  };
}

export interface PartitionCode extends TopicPartition {
  readonly errorCode: number;
}

export function addPartitionsToTxn(
  transactionalId: string,
  { producerId, epoch }: ProducerIdentity,
  partitions: readonly TopicPartition[],
): ApiRequest<PartitionCode[]> {
  return {
    apiKey: 24,
    apiVersion: 1,
    name: 'AddPartitionsToTxn',
    encode: (to) => {
      to.writeString(transactionalId).writeInt64(producerId).writeInt16(epoch);
      writeArray(to, byTopic(partitions), (to, [topic, list]) => {
        to.writeString(topic);
        writeArray(to, list, (to, { partition }) => to.writeInt32(partition));
      });
    },
    decode: (from) => {
      from.readInt32();
      const topics = from.readArray((from) => {
        const topic = from.readString() ?? '';
        return from.readArray((from) => ({ topic, partition: from.readInt32(), errorCode: from.readInt16() }));
      });
      return topics.flat();
    },
  };
}

export function endTxn(transactionalId: string, { producerId, epoch }: ProducerIdentity, commit: boolean): ApiRequest<void> {
  return {
    apiKey: 26,
    apiVersion: 1,
    name: 'EndTxn',
    encode: (to) => to.writeString(transactionalId).writeInt64(producerId).writeInt16(epoch).writeBoolean(commit),
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `EndTxn of ${transactionalId}`);
    },
  };
}

export interface EncodedBatch extends TopicPartition {
  readonly bytes: Buffer;
}

export interface ProducedBatch extends PartitionCode {
  readonly baseOffset: number;
  /** -1 where the topic keeps the producer's timestamps. */
  readonly appendTime: number;
}

/** acks=all; one batch for each partition. */
export function produce(
  transactionalId: string | null,
  batches: readonly EncodedBatch[],
  timeoutMs: number,
): ApiRequest<ProducedBatch[]> {
  return {
    apiKey: 0,
    apiVersion: 7,
    name: 'Produce',
    encode: (to) => {
      to.writeString(transactionalId).writeInt16(-1).writeInt32(timeoutMs);
      writeArray(to, byTopic(batches), (to, [topic, list]) => {
        to.writeString(topic);
        writeArray(to, list, (to, { partition, bytes }) => to.writeInt32(partition).writeBytes(bytes));
      });
    },
    decode: (from) => {
      const topics = from.readArray((from) => {
        const topic = from.readString() ?? '';
        return from.readArray((from) => {
          const code = { topic, partition: from.readInt32(), errorCode: from.readInt16() };
          const produced = { ...code, baseOffset: Number(from.readInt64()), appendTime: Number(from.readInt64()) };
          from.readInt64();
          return produced;
        });
      });
      return topics.flat();
    },
  };
}
