import type { Decoder } from './kafkajs.ts';
import { byTopic, writeArray } from './request.ts';
import type { ApiRequest } from './request.ts';
import { check } from './protocol-error.ts';
import type { TopicPartition } from '../record.ts';

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** -1 when there is none. */
  readonly leader: number;
  /** How many brokers are to keep it. */
  readonly replicas: number;
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly topic: string;
  readonly internal: boolean;
  readonly partitions: readonly PartitionMetadata[];
}

export interface Metadata {
  readonly brokers: readonly BrokerAddress[];
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

/** Never creates a topic. `undefined` asks for all. */
export function metadata(topics: readonly string[] | undefined): ApiRequest<Metadata> {
  return {
    apiKey: 3,
    apiVersion: 6,
    name: 'Metadata',
    readOnly: true,
    encode: (to) => {
      if (topics === undefined) to.writeInt32(-1);
      else writeArray(to, topics, (to, topic) => to.writeString(topic));
      to.writeBoolean(false);
    },
    decode: (from) => {
      from.readInt32();
      return {
        brokers: from.readArray(brokerAddress),
        clusterId: from.readString(),
        controllerId: from.readInt32(),
        topics: from.readArray(topicMetadata),
      };
    },
  };
}

function brokerAddress(from: Decoder): BrokerAddress {
  const address = { nodeId: from.readInt32(), host: from.readString() ?? '', port: from.readInt32() };
  from.readString();
  return address;
}

function topicMetadata(from: Decoder): TopicMetadata {
  return {
    errorCode: from.readInt16(),
    topic: from.readString() ?? '',
    internal: from.readBoolean(),
    partitions: from.readArray((from) => {
      const partition = { errorCode: from.readInt16(), partition: from.readInt32(), leader: from.readInt32() };
      const [replicas] = [0, 1, 2].map(() => from.readArray((from) => from.readInt32()));
      return { ...partition, replicas: replicas?.length ?? 0 };
    }),
  };
}

export type CoordinatorKind = 'group' | 'transaction';

/** Node that coordinates a group or a transactional id. */
export function findCoordinator(kind: CoordinatorKind, key: string): ApiRequest<number> {
  return {
    apiKey: 10,
    apiVersion: 1,
    name: 'FindCoordinator',
    readOnly: true,
    encode: (to) => to.writeString(key).writeInt8(kind === 'group' ? 0 : 1),
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `coordinator of ${kind} ${key}`);
      from.readString();
      return from.readInt32();
    },
  };
}

export interface ListedOffset extends TopicPartition {
  readonly errorCode: number;
  readonly offset: number;
}

/** `earliest`: log start. `latest`: log end, open transactions included (read_uncommitted). */
export function listOffsets(
  partitions: readonly TopicPartition[],
  which: 'earliest' | 'latest' | 'stable',
): ApiRequest<ListedOffset[]> {
  return {
    apiKey: 2,
    apiVersion: 3,
    name: 'ListOffsets',
    readOnly: true,
    encode: (to) => {
      to.writeInt32(-1).writeInt8(which === 'stable' ? 1 : 0);
      writeArray(to, byTopic(partitions), (to, [topic, list]) => {
        to.writeString(topic);
        writeArray(to, list, (to, { partition }) => to.writeInt32(partition).writeInt64(which === 'earliest' ? -2 : -1));
      });
    },
    decode: (from) => {
      from.readInt32();
      const topics = from.readArray((from) => {
        const topic = from.readString() ?? '';
        return from.readArray((from) => {
          const listed = { topic, partition: from.readInt32(), errorCode: from.readInt16() };
          from.readInt64();
          return { ...listed, offset: Number(from.readInt64()) };
        });
      });
      return topics.flat();
    },
  };
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicOutcome {
  readonly topic: string;
  readonly errorCode: number;
  readonly message: string | null;
}

export function createTopics(topics: readonly NewTopic[], timeoutMs: number): ApiRequest<TopicOutcome[]> {
  return {
    apiKey: 19,
    apiVersion: 4,
    name: 'CreateTopics',
    waits: timeoutMs,
    encode: (to) => {
      writeArray(to, topics, (to, { name, partitions, replicationFactor, config }) => {
        to.writeString(name).writeInt32(partitions).writeInt16(replicationFactor).writeInt32(0);
        writeArray(to, Object.entries(config), (to, [name, value]) => to.writeString(name).writeString(value));
      });
      to.writeInt32(timeoutMs).writeBoolean(false);
    },
    decode: (from) => {
      from.readInt32();
      return from.readArray((from) => ({
        topic: from.readString() ?? '',
        errorCode: from.readInt16(),
        message: from.readString(),
      }));
    },
  };
}

export function deleteTopics(topics: readonly string[], timeoutMs: number): ApiRequest<TopicOutcome[]> {
  return {
    apiKey: 20,
    apiVersion: 1,
    name: 'DeleteTopics',
    waits: timeoutMs,
    encode: (to) => {
      writeArray(to, topics, (to, topic) => to.writeString(topic));
      to.writeInt32(timeoutMs);
    },
    decode: (from) => {
      from.readInt32();
      return from.readArray((from) => ({ topic: from.readString() ?? '', errorCode: from.readInt16(), message: null }));
    },
  };
}

const TOPIC = 2;

/** The value of one setting of each topic, the broker's default where the topic has none of its own. */
export function describeTopicConfig(topics: readonly string[], setting: string): ApiRequest<ReadonlyMap<string, string | null>> {
  return {
    apiKey: 32,
    apiVersion: 1,
    name: 'DescribeConfigs',
    readOnly: true,
    encode: (to) => {
      writeArray(to, topics, (to, topic) => {
        to.writeInt8(TOPIC).writeString(topic);
        writeArray(to, [setting], (to, name) => to.writeString(name));
      });
      to.writeBoolean(false);
    },
    decode: (from) => {
      from.readInt32();
      const found = from.readArray((from) => {
        const errorCode = from.readInt16();
        from.readString();
        from.readInt8();
        const topic = from.readString() ?? '';
        const [value] = from.readArray((from) => {
          from.readString();
          const value = from.readString();
          from.readBoolean();
          from.readInt8();
          from.readBoolean();
          from.readArray((from) => [from.readString(), from.readString(), from.readInt8()]);
          return value;
        });
        return errorCode === 0 ? ([[topic, value ?? null]] as const) : [];
      });
      return new Map(found.flat());
    },
  };
}
