import type { Log, Names } from '../../../runtime/environment.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import type { SerdeSource } from '../../../runtime/topic.ts';
import type { FilesConfig, SourceConfig } from '../../../schemas/config.ts';
import type { IntakeMetrics } from './intake-metrics.ts';

export interface IntakeOptions {
  readonly source: Pick<SourceConfig, 'name' | 'timezone'>;
  readonly files: FilesConfig;
  /** Where the files are put: as declared, but from the root. */
  readonly folder: string;
  readonly kafka: Kafka;
  readonly serdes: SerdeSource;
  readonly names: Names;
  readonly partitions: number;
  /** Broker time, epoch milliseconds. */
  readonly tick: () => number;
  readonly metrics: IntakeMetrics;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Waits; resolves early when the signal comes. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds from anywhere, to measure with. */
  readonly monotonic: () => number;
  readonly random?: () => number;
  /** Rows of one transaction; 1000 by default. */
  readonly pageRows?: number;
}
