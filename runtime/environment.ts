import type { Clock } from './clock.ts';
import type { Kafka, PartitionReader } from './kafka/contract.ts';
import type { Rejected } from './record.ts';
import type { SerdeSource, Topic } from './topic.ts';
import type { StoreEngine } from './state/store.ts';
import type { ClaimWriter } from './watermarks/claims.ts';
import type { ProgressTable } from './watermarks/progress.ts';
import type { TaskMetrics } from './metrics.ts';
import type { GlobalTables } from './tables/global-tables.ts';

/** Structured log line; fields hold no personal data. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Turns logical topic names into those of the deployment. */
export interface Names {
  topic(logical: string): string;
  changelog(processor: string): string;
  group(processor: string): string;
}

export function prefixedNames(prefix: string): Names {
  return {
    topic: (logical) => `${prefix}${logical}`,
    changelog: (processor) => `${prefix}${processor}.changelog`,
    group: (processor) => `${prefix}${processor}`,
  };
}

/** What every task of a process shares. */
export interface Environment {
  readonly kafka: Kafka;
  readonly reader: PartitionReader;
  readonly serdes: SerdeSource;
  readonly names: Names;
  readonly engine: StoreEngine;
  readonly clock: Clock;
  readonly clusterId: string;
  /** Partition count of a physical topic; all topics of the topology are known by then. */
  readonly partitions: (topic: string) => number;
  /** Which source a raw topic belongs to, by logical name; only topics that belong to one source alone. */
  readonly sourceOfTopic: ReadonlyMap<string, string>;
  readonly rejected: Topic<Rejected>;
  readonly progress: ProgressTable;
  readonly claims: ClaimWriter;
  readonly metrics: TaskMetrics;
  readonly log: Log;
  /** Tables that processors look things up in; none when left out. */
  readonly tables?: GlobalTables;
  /** How long tombstones stay in changelogs; stores not written for half of it are rebuilt. Milliseconds. */
  readonly changelogDeleteRetentionMs: number;
}
