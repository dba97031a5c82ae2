import type { Log, Names } from '../../runtime/environment.ts';
import type { Kafka, PartitionReader } from '../../runtime/kafka/contract.ts';
import type { SerdeSource } from '../../runtime/topic.ts';
import type { Sink, Timing } from './contract.ts';
import type { HandedOver } from './metrics.ts';

export interface SinkOptions {
  readonly kafka: Kafka;
  readonly sink: Sink;
  /** Must be able to write the outcomes and the rejected ones: registered. */
  readonly serdes: SerdeSource;
  readonly names: Names;
  /** Of the requests, and so of their outcomes and of `ledgerTopic`. */
  readonly partitions: number;
  /** Default: the system's clocks. */
  readonly timing?: Timing;
  readonly log?: Log;
  /** Called for every outcome status as it is recorded, and for `unknown-attempt`, `duplicate` and `rejected`. */
  readonly count?: (name: string) => void;
  /** Called for every message that was handed over, once that is recorded. */
  readonly handedOver?: HandedOver;
  /** An attempt may start this long after it was recorded; default 5,000. */
  readonly leaseMs?: number;
  /** An attempt is given up after this; default 10,000. */
  readonly effectTimeoutMs?: number;
  /**
   * Attempts at the same time in one partition, and so the most that a crash leaves in doubt there; default 4.
   * Those to one address are one after the other, in order.
   */
  readonly concurrency?: number;
  /** Requests taken and not finished in one partition; default 256. */
  readonly window?: number;
  /** Finished requests are remembered this long; default 7 days, the retention of the requests. */
  readonly rememberMs?: number;
}

/** What one task gets: everything decided. */
export interface SinkTaskOptions extends Required<SinkOptions> {
  /** Consumer group, and prefix of the transactional ids: `<channel>-sink`. */
  readonly group: string;
  readonly partition: number;
  readonly reader: PartitionReader;
}
