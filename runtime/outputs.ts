import type { ProduceBatch } from './kafka/contract.ts';
import type { ProduceRecord } from './record.ts';
import { tpKey } from './record.ts';

/** The records of one transaction, by partition, in the order in which they were sent. */
export class Outputs {
  readonly #batches = new Map<string, { topic: string; partition: number; records: ProduceRecord[] }>();
  #bytes = 0;
  #count = 0;

  add(topic: string, partition: number, record: ProduceRecord): void {
    const id = tpKey(topic, partition);
    let batch = this.#batches.get(id);
    if (!batch) this.#batches.set(id, (batch = { topic, partition, records: [] }));
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
    return [...this.#batches.values()];
  }
}
