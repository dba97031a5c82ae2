import type { Log } from '../../runtime/environment.ts';
import type { Kafka, PartitionReader } from '../../runtime/kafka/contract.ts';
import type { Rejected } from '../../runtime/record.ts';
import type { Serde } from '../../runtime/topic.ts';
import type { ActivationOutcome, ActivationRequest } from '../../schemas/generated/types.ts';
import type { Sink, Timing } from './contract.ts';

export interface SinkSerdes {
  readonly requested: Serde<ActivationRequest>;
  readonly outcomes: Serde<ActivationOutcome>;
  readonly rejected: Serde<Rejected>;
}

/** Physical topic names; all four have the same number of partitions. */
export interface SinkTopics {
  readonly requested: string;
  readonly outcomes: string;
  readonly rejected: string;
  /** See `ledgerTopic`. */
  readonly ledger: string;
}

export interface SinkOptions {
  readonly kafka: Kafka;
  readonly sink: Sink;
  readonly serdes: SinkSerdes;
  readonly names: SinkTopics;
  readonly partitions: number;
  /** Consumer group, and prefix of the transactional ids; default `sink-<channel>`. Prefix it as the topics are. */
  readonly group?: string;
  /** Default: the system's clocks. */
  readonly timing?: Timing;
  readonly log?: Log;
  /** Called for every outcome status as it is recorded, and for `unknown-attempt`, `duplicate` and `rejected`. */
  readonly count?: (name: string) => void;
  /** An attempt may start this long after it was recorded; default 5,000. */
  readonly leaseMs?: number;
  /** An attempt is given up after this; default 10,000. */
  readonly effectTimeoutMs?: number;
  /** Attempts at the same time in one partition; default 8. Those to one address are one after the other, in order. */
  readonly concurrency?: number;
  /** Requests taken and not finished in one partition; default 256. */
  readonly window?: number;
  /** Finished requests are remembered this long; default 7 days, the retention of the requests. */
  readonly rememberMs?: number;
}

/** What one task gets: everything decided. */
export interface SinkTaskOptions extends Required<SinkOptions> {
  readonly partition: number;
  readonly reader: PartitionReader;
}
