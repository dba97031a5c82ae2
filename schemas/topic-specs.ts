import type { Topic, TopicSpec } from '../runtime/topic.ts';

/** The name of a topic on the brokers. */
export function physicalName(prefix: string, topic: Topic): string {
  return prefix + topic.name;
}

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const mebibyte = 1024 * 1024;

/** Raw records are limited to 1 MiB; what is made of them, and the rejected record around one, needs room above that. */
const maxRaw = mebibyte;
const maxOwn = 4 * mebibyte;

export interface TopicSpecOptions {
  readonly prefix: string;
  /** The deployment's number of partitions, for all topics that say `shared`. */
  readonly partitions: number;
  readonly topics: readonly Topic[];
}

/** What an admin needs to create the topics. Replication and min.insync.replicas are left to the brokers' defaults. */
export function topicSpecs({ prefix, partitions, topics }: TopicSpecOptions): TopicSpec[] {
  return topics.map((topic) => ({
    name: physicalName(prefix, topic),
    partitions: topic.partitions === 'shared' ? partitions : topic.partitions,
    config: { ...retentionConfig(topic), ...recordConfig(topic) },
  }));
}

function retentionConfig({ retention }: Topic): Record<string, string> {
  if (retention.kind === 'delete') {
    const { retentionMs } = retention;
    const segmentMs = retentionMs < 0 ? day : Math.min(day, Math.max(hour, Math.floor(retentionMs / 8)));
    return { 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs), 'segment.ms': String(segmentMs) };
  }
  return compactConfig(16 * mebibyte, retention.deleteRetentionMs ?? day, retention.maxCompactionLagMs);
}

function recordConfig(topic: Topic): Record<string, string> {
  const raw = topic.format.kind === 'bytes' && !topic.internal;
  return {
    'message.timestamp.type': topic.timestamps === 'append' ? 'LogAppendTime' : 'CreateTime',
    'compression.type': 'producer',
    'max.message.bytes': String(raw ? maxRaw : maxOwn),
  };
}

/** Only whole segments are compacted, and a compacted topic is read whole: so they are small. */
function compactConfig(segmentBytes: number, deleteRetentionMs: number, maxCompactionLagMs?: number): Record<string, string> {
  return {
    'cleanup.policy': 'compact',
    'delete.retention.ms': String(deleteRetentionMs),
    'segment.ms': String(day),
    'segment.bytes': String(segmentBytes),
    'min.cleanable.dirty.ratio': '0.3',
    ...(maxCompactionLagMs === undefined ? {} : { 'max.compaction.lag.ms': String(maxCompactionLagMs) }),
  };
}

/** Name, without prefix, of the topic that holds a processor's state. */
export function changelogName(processor: string): string {
  return `${processor}.changelog`;
}

/**
 * The changelog of a processor: compacted, in small segments so that a restore reads little that is outdated. Tombstones
 * stay for 24 hours: a local store older than half of that is rebuilt, so that none can be missed.
 */
export function changelogSpec(processor: string, { prefix, partitions }: Omit<TopicSpecOptions, 'topics'>): TopicSpec {
  return {
    name: prefix + changelogName(processor),
    partitions,
    config: {
      ...compactConfig(64 * mebibyte, day, 7 * day),
      'message.timestamp.type': 'CreateTime',
      'compression.type': 'producer',
      'max.message.bytes': String(maxOwn),
    },
  };
}
