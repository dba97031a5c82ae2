import { FreshetError } from '../errors.ts';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { tpKey } from '../record.ts';
import type { ProduceRecord, RawRecord, TopicPartition } from '../record.ts';
import type {
  Admin,
  GroupMember,
  Kafka,
  MemberOptions,
  PartitionReader,
  ProduceBatch,
  Producer,
  TransactionalProducer,
} from '../kafka/contract.ts';
import type { TopicSpec } from '../topic.ts';
import { MemoryAdmin } from './memory-kafka-admin.ts';
import { Faults } from './memory-kafka-faults.ts';
import type { FaultOptions, FaultyCall } from './memory-kafka-faults.ts';
import { Groups } from './memory-kafka-group.ts';
import { PartitionLog } from './memory-kafka-log.ts';
import { MemoryProducer, MemoryTransactionalProducer } from './memory-kafka-producers.ts';
import { MemoryReader } from './memory-kafka-reader.ts';
import { Schedule } from './memory-kafka-schedule.ts';
import type { Nastiness } from './memory-kafka-schedule.ts';
import { TransactionCoordinator } from './memory-kafka-transactions.ts';

export type { Nastiness } from './memory-kafka-schedule.ts';

export interface MemoryBrokerOptions {
  /** Stamps appended records. */
  readonly clock?: Clock;
  readonly clusterId?: string;
  /** Topics to begin with: number of partitions by name, with create time. Others through `admin.createTopics`. */
  readonly topics?: Readonly<Record<string, number>>;
  /** Largest key + value of one record, bytes. */
  readonly maxRecordBytes?: number;
  /** Off when left out: then everything is deterministic. */
  readonly nastiness?: Nastiness;
}

export interface MemoryRecord extends RawRecord {
  readonly partition: number;
}

/** A transaction that is open until the caller ends it. */
export interface MemoryTransaction {
  write(batches: readonly ProduceBatch[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

interface MemoryTopic {
  readonly spec: TopicSpec;
  readonly partitions: readonly PartitionLog[];
}

/** A broker without a network, shared by any number of clients. It models what readers and writers can observe of a real one. */
export class MemoryBroker {
  readonly clusterId: string;
  readonly maxRecordBytes: number;
  readonly schedule: Schedule;
  readonly coordinator: TransactionCoordinator;
  readonly groups: Groups;
  readonly faults = new Faults();
  readonly #clock: Clock;
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #waiting = new Set<() => void>();
  readonly #committed = new Map<string, Map<string, number>>();

  constructor(options: MemoryBrokerOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.clusterId = options.clusterId ?? 'memory';
    this.maxRecordBytes = options.maxRecordBytes ?? 1_048_576;
    this.schedule = new Schedule(options.nastiness);
    this.coordinator = new TransactionCoordinator(this.schedule, () => this.now());
    this.groups = new Groups(this.schedule);
    for (const [name, partitions] of Object.entries(options.topics ?? {})) this.create({ name, partitions, config: {} });
  }

  client(): MemoryKafka {
    return new MemoryKafka(this);
  }

  /** Switches trouble on, over, or off. */
  set nastiness(nastiness: Nastiness | undefined) {
    this.schedule.nastiness = nastiness;
  }

  /** The next such call fails with this error, once; several are queued. */
  failNext(call: FaultyCall, error: Error, options: FaultOptions = {}): void {
    this.faults.add(call, error, options);
  }

  /** Resolves when nothing is on its way: markers, lingering records, deliveries, assignments. */
  settled(): Promise<void> {
    return this.schedule.settled();
  }

  /** Appends outside any transaction; returns the base offset. */
  append(topic: string, partition: number, records: readonly ProduceRecord[]): number {
    return this.#log(topic, partition).append(records, this.now(), this.hasAppendTime(topic));
  }

  /** Committed records of a topic, by partition, then offset. */
  records(topic: string): readonly MemoryRecord[] {
    const partitions = this.#topics.get(topic)?.partitions ?? [];
    return partitions.flatMap((log, partition) =>
      log.read(log.start, log.end, 'read_committed', Infinity).records.map((record) => ({ ...record, partition })),
    );
  }

  /** Opens a transaction and leaves it to the caller, as a producer does between two requests. Fences earlier producers of the id. */
  async begin(transactionalId: string, partitions: readonly TopicPartition[]): Promise<MemoryTransaction> {
    const identity = await this.coordinator.init(transactionalId);
    const logs = partitions.map(({ topic, partition }) => this.#log(topic, partition));
    await this.coordinator.begin(transactionalId, identity, logs);
    return {
      write: async (batches) => {
        this.coordinator.verify(transactionalId, identity);
        for (const { topic, partition, records } of batches) {
          this.#log(topic, partition).append(records, this.now(), this.hasAppendTime(topic), identity.producerId);
        }
      },
      commit: async () => this.coordinator.end(transactionalId, identity, true),
      abort: async () => this.coordinator.end(transactionalId, identity, false),
    };
  }

  /** Keeps the last record of each key, as far as transactions are decided; offsets stay. */
  compact(topic: string, { dropTombstones = false } = {}): void {
    for (const log of this.#topics.get(topic)?.partitions ?? []) log.compact(dropTombstones);
  }

  /** Drops everything below `offset`, as retention does. */
  truncate(topic: string, partition: number, offset: number): void {
    this.#log(topic, partition).truncate(offset);
  }

  /** What the coordinator does after the transaction time-out: aborts every open transaction, fences its producer. */
  expireTransactions(): void {
    this.coordinator.expire();
  }

  /** Ends a session: the n-th member of the group (in order of joining) loses its tasks. Without `rejoin` it does not hear of it (a zombie). */
  expireMember(group: string, index: number, { rejoin = true } = {}): void {
    this.groups.members(group)[index]?.expire(rejoin);
  }

  /** Offsets committed for lag tools, by `tpKey`. */
  committed(group: string): ReadonlyMap<string, number> {
    return this.#committed.get(group) ?? new Map();
  }

  now(): number {
    return this.#clock.now();
  }

  topicNames(): readonly string[] {
    return [...this.#topics.keys()].sort();
  }

  spec(topic: string): TopicSpec | undefined {
    return this.#topics.get(topic)?.spec;
  }

  hasAppendTime(topic: string): boolean {
    return this.#topics.get(topic)?.spec.config['message.timestamp.type'] === 'LogAppendTime';
  }

  create(spec: TopicSpec): void {
    const partitions = Array.from({ length: spec.partitions }, () => new PartitionLog());
    this.#topics.set(spec.name, { spec, partitions });
    for (const check of this.#waiting) check();
  }

  delete(topic: string): void {
    this.#topics.delete(topic);
  }

  find({ topic, partition }: TopicPartition): PartitionLog | undefined {
    return this.#topics.get(topic)?.partitions[partition];
  }

  /** Calls back with the partition as soon as it is there; returns what takes the request back. */
  whenThere(at: TopicPartition, found: (log: PartitionLog) => void): () => void {
    const check = (): void => {
      const log = this.find(at);
      if (log === undefined) return;
      this.#waiting.delete(check);
      found(log);
    };
    this.#waiting.add(check);
    check();
    return () => void this.#waiting.delete(check);
  }

  commit(group: string, offsets: readonly (TopicPartition & { offset: number })[]): void {
    const committed = this.#committed.get(group) ?? new Map<string, number>();
    for (const { topic, partition, offset } of offsets) committed.set(tpKey(topic, partition), offset);
    this.#committed.set(group, committed);
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.find({ topic, partition });
    if (log === undefined) throw new FreshetError('TOPIC_MISMATCH', `there is no ${topic}-${partition}`);
    return log;
  }
}

/** A client of a MemoryBroker. */
export class MemoryKafka implements Kafka {
  readonly admin: Admin;
  readonly #broker: MemoryBroker;
  readonly #closers = new Set<() => Promise<void>>();

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
    this.admin = new MemoryAdmin(broker);
  }

  reader(): PartitionReader {
    return this.#own(new MemoryReader(this.#broker));
  }

  producer(): Producer {
    return this.#own(new MemoryProducer(this.#broker));
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    return this.#own(new MemoryTransactionalProducer(this.#broker, transactionalId));
  }

  member(options: MemberOptions): GroupMember {
    const member = this.#broker.groups.member(options);
    this.#closers.add(() => member.stop());
    return member;
  }

  /** Closes all that this client handed out. What it had open in a transaction stays open, as after a kill. */
  async close(): Promise<void> {
    await Promise.all([...this.#closers].map((close) => close()));
  }

  #own<T extends { close(): Promise<void> }>(part: T): T {
    this.#closers.add(() => part.close());
    return part;
  }
}
