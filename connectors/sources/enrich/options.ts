import type { Log, Names } from '../../../runtime/environment.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import type { EnrichConfig, SourceConfig } from '../../../schemas/config.ts';
import type { Serdes } from '../../../schemas/serdes.ts';
import type { Call } from './call.ts';
import type { EnrichMetrics } from './metrics.ts';

export interface EnrichOptions {
  readonly source: SourceConfig;
  readonly enrich: EnrichConfig;
  readonly call: Call;
  readonly kafka: Kafka;
  readonly serdes: Serdes;
  readonly names: Names;
  readonly partitions: number;
  /** Broker time, epoch milliseconds: as of when an answer holds. */
  readonly tick: () => number;
  /** Everything of the source up to here is in Kafka. */
  readonly state: (upTo: number) => void;
  /** Opaque key of what is asked about: it may be personal. */
  readonly opaque: (key: string) => string;
  readonly metrics: EnrichMetrics;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Waits; resolves early when the signal comes. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds from anywhere, to measure with. */
  readonly monotonic: () => number;
  readonly random?: () => number;
  /** Wait after the first call that failed, doubled after each; 500 by default. */
  readonly firstPauseMs?: number;
  /** Between two statements of how far it is while nothing is answered; 2 s by default. */
  readonly stateEveryMs?: number;
  /** What no answer was to be had for is not asked again for so long; 1 m by default. */
  readonly putOffMs?: number;
}
