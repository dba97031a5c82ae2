import type { ProduceBatch } from './kafka/contract.ts';
import type { ProduceRecord } from './record.ts';

/** The records of one transaction, by partition, in the order in which they were sent. */
export class Outputs {
  /** By topic, then by partition. */
  readonly #topics = new Map<string, ({ topic: string; partition: number; records: ProduceRecord[] } | undefined)[]>();
  #bytes = 0;
  #count = 0;

  add(topic: string, partition: number, record: ProduceRecord): void {
    let partitions = this.#topics.get(topic);
    if (!partitions) this.#topics.set(topic, (partitions = []));
    const batch = (partitions[partition] ??= { topic, partition, records: [] });
    batch.records.push(record);
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 32;
    this.#count += 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  batches(): ProduceBatch[] {
    return [...this.#topics.values()].flatMap((partitions) => partitions.filter((batch) => batch !== undefined));
  }
}
