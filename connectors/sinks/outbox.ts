import type { ProduceBatch } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { ProduceRecord, RawRecord } from '../../runtime/record.ts';
import { topics } from '../../schemas/topics.ts';
import type { ActivationOutcome } from '../../schemas/generated/types.ts';
import type { SinkTaskOptions } from './options.ts';

/** What the next transaction publishes beside the ledger. */
export class Outbox {
  readonly #options: SinkTaskOptions;
  readonly #batches = new Map<string, { topic: string; partition: number; records: ProduceRecord[] }>();

  constructor(options: SinkTaskOptions) {
    this.#options = options;
  }

  outcome(outcome: ActivationOutcome): void {
    const { names, serdes, partitions, count } = this.#options;
    const value = serdes.of(topics.activationsOutcomes).encode(outcome);
    this.#add(names.topic(topics.activationsOutcomes.name), partitionFor(outcome.id, partitions), {
      key: Buffer.from(outcome.id),
      value,
    });
    count(outcome.status);
  }

  /** A request that cannot be decoded, with its original bytes. */
  rejected(record: RawRecord, reason: string): void {
    const { names, serdes, partition, sink, timing, count } = this.#options;
    const value = serdes.of(topics.eventsRejected).encode({
      topic: topics.activationsRequested.name,
      partition,
      offset: record.offset,
      processor: `${sink.channel}-sink`,
      step: 'decode',
      reason,
      source: null,
      key: record.key,
      value: record.value,
      headers: { ...record.headers },
      timestamp: record.timestamp,
      rejectedAt: timing.now(),
    });
    this.#add(names.topic(topics.eventsRejected.name), partition, { key: record.key, value });
    count('rejected');
  }

  take(): readonly ProduceBatch[] {
    const batches = [...this.#batches.values()];
    this.#batches.clear();
    return batches;
  }

  #add(topic: string, partition: number, record: ProduceRecord): void {
    const key = `${topic}-${partition}`;
    const batch = this.#batches.get(key) ?? { topic, partition, records: [] };
    batch.records.push(record);
    this.#batches.set(key, batch);
  }
}
