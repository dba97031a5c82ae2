import { FreshetError } from '../errors.ts';
import { tpKey } from '../record.ts';
import { closed } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { ProduceBatch, ProduceResult, Producer } from './contract.ts';
import { PartitionWriter } from './partition-writer.ts';

const TIMEOUT_MS = 30_000;
const LANES = 4;

/** One writer for each partition; they do not wait for each other. */
export class KafkaProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #writers = new Map<string, PartitionWriter>();
  #closed = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async send({ topic, partition, records }: ProduceBatch, options: { timeoutMs?: number } = {}): Promise<ProduceResult> {
    if (this.#closed || this.#cluster.isClosed) throw closed();
    if (records.length === 0) throw new FreshetError('PRODUCE_FAILED', 'a batch holds at least one record');
    const key = tpKey(topic, partition);
    let writer = this.#writers.get(key);
    if (writer === undefined) {
      writer = new PartitionWriter(this.#cluster, { topic, partition }, `produce-${this.#writers.size % LANES}`);
      this.#writers.set(key, writer);
    }
    return await writer.send(records, options.timeoutMs ?? TIMEOUT_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#writers.values()].map((writer) => writer.drained()));
  }
}
