import type { TopicDurability } from '../durability.ts';
import type { ProduceRecord, RawRecord, TopicPartition } from '../record.ts';
import type { TopicSpec } from '../topic.ts';

/**
 * The log as the runtime needs it. Two implementations pass one conformance suite (tests/conformance):
 * `connectKafka` (kafkajs' protocol layer, the only folder that imports it) and `MemoryKafka` (runtime/testing).
 * Offsets are numbers, exact up to 2^53. Every method rejects with FreshetError only.
 */
export interface Kafka {
  readonly admin: Admin;
  reader(): PartitionReader;
  /** Idempotent, acks=all, in order per partition. One for each process is enough. */
  producer(): Producer;
  transactionalProducer(transactionalId: string): TransactionalProducer;
  member(options: MemberOptions): GroupMember;
  close(): Promise<void>;
}

export interface Admin {
  clusterId(): Promise<string>;
  /** Creates what is missing. A topic that exists with another partition count: TOPIC_MISMATCH, which says what to do. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>;
  deleteTopics(names: readonly string[]): Promise<void>;
  topics(): Promise<readonly string[]>;
  /** Number of partitions, or undefined when there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  /** ListOffsets(latest, read_uncommitted): never goes back, and covers everything acknowledged before the call. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>;
  /** ListOffsets(latest, read_committed): before it no transaction is open. Never an end to read up to: it can stand for as long as one is. */
  stableOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>;
  /** ListOffsets(earliest). Maps are keyed by `tpKey`. */
  startOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>;
  /** How safely topics are kept, and the number of brokers; left out by fakes. */
  durability?(topics: readonly string[]): Promise<{ readonly brokers: number; readonly topics: readonly TopicDurability[] }>;
  /** For lag tools only; nothing of ours reads them back. */
  commitOffsets(group: string, offsets: readonly (TopicPartition & { offset: number })[]): Promise<void>;
}

export interface StreamOptions {
  /** `read_committed` (default): nothing of aborted or open transactions is handed out. */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** Called (often, cheaply) when records were queued, the position moved, or the stream failed. */
  readonly notify?: () => void;
  /**
   * What becomes of a batch that is whole by its checksum but cannot be read, as of a codec that is not known: `fail` (default)
   * ends the stream with CORRUPT_BATCH, `hand-out` gives one record that says so, and goes on.
   */
  readonly unreadable?: 'fail' | 'hand-out';
  /** Stop fetching while this many bytes are queued. Default 4 MiB. */
  readonly maxQueuedBytes?: number;
}

/** Reads single partitions without any group. One for each process; it fetches from each broker in one loop, in the background. */
export interface PartitionReader {
  open(partition: TopicPartition, offset: number, options?: StreamOptions): PartitionStream;
  close(): Promise<void>;
}

export interface PartitionStream extends TopicPartition {
  /** Takes up to `max` queued records, in offset order, each exactly once; an empty array when none is queued. */
  take(max: number): readonly RawRecord[];
  /** Records queued and not yet taken. */
  readonly queued: number;
  /**
   * Next offset after everything taken. When nothing is queued it also covers what holds no record for us: markers,
   * aborted and compacted batches. Reaching `endOffsets` asked for earlier means: all of it has been taken.
   */
  readonly position: number;
  /**
   * Why the stream ended: OFFSET_OUT_OF_RANGE, CORRUPT_BATCH (names the offset; fetched several times, so damaged where it lies).
   * Broker faults are retried inside, for ever.
   */
  readonly error: Error | undefined;
  close(): void;
}

export interface ProduceBatch extends TopicPartition {
  readonly records: readonly ProduceRecord[];
}

export interface ProduceResult extends TopicPartition {
  readonly baseOffset: number;
  /** Broker's append time (epoch milliseconds) where the topic has LogAppendTime, else undefined. */
  readonly appendTime: number | undefined;
}

export interface Producer {
  /**
   * Resolves when the batch is acknowledged by all in-sync replicas. Retries inside until `timeoutMs` (default 30,000),
   * then rejects with BROKER_UNAVAILABLE (retryable): it may or may not have been written. Larger than the broker takes:
   * RECORD_TOO_LARGE. Batches of one partition are written in call order.
   */
  send(batch: ProduceBatch, options?: { timeoutMs?: number }): Promise<ProduceResult>;
  close(): Promise<void>;
}

export interface TransactionalProducer {
  /** InitProducerId: fences and aborts every earlier producer of the id, waits for the end of its transaction; retries broker faults until `signal` aborts. */
  init(signal?: AbortSignal): Promise<void>;
  /**
   * One whole transaction: registers all partitions in one request, sends all batches, commits. At most one batch per partition.
   * On any error it rejects and this producer is dead: the transaction may or may not have been committed.
   * FENCED: another owner has taken the id over.
   */
  transact(batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]>;
  close(): Promise<void>;
}

export interface MemberOptions {
  readonly group: string;
  /** Tasks to be shared out: 0 … tasks-1. Written into the assignment as partitions of `topic`, so that group tools can read it. */
  readonly topic: string;
  readonly tasks: number;
  /** What this member owned before (open or on disk): it gets these back if the balance allows. */
  readonly owned: () => readonly number[];
  /** The whole assignment of this member, after each rebalance; tasks in both old and new go on without a pause. */
  readonly onAssignment: (tasks: readonly number[]) => void;
  /** Membership was lost (session time-out, broker away): tasks may go on, fencing protects them; the member rejoins by itself. */
  readonly onLost?: (reason: Error) => void;
  readonly sessionTimeoutMs?: number;
  /**
   * Name that this member keeps over its restarts: killed and back within the session, it has its tasks again at once, and no
   * other hears of it. Of one living member at a time.
   */
  readonly instanceId?: string | undefined;
}

/** Group membership for assignment only: no fetching, no positions, heartbeats independent of the work. */
export interface GroupMember {
  start(): Promise<void>;
  /** Leaves the group. */
  stop(): Promise<void>;
}
