import type { Names } from '../../../runtime/environment.ts';
import { appendHop, HOPS } from '../../../runtime/hops.ts';
import type { ProduceBatch } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { ProduceRecord, Rejected } from '../../../runtime/record.ts';
import type { SerdeSource } from '../../../runtime/topic.ts';
import { hashId } from '../../../schemas/keys.ts';
import { rawTopic, topics } from '../../../schemas/topics.ts';
import { fileId, filesTopic, type KnownFile } from './intake-state.ts';
import type { RowRecord } from './rows.ts';

export interface PageOptions {
  readonly source: string;
  readonly file: Pick<KnownFile, 'name' | 'digest'>;
  readonly serdes: SerdeSource;
  readonly names: Names;
  readonly partitions: number;
  readonly tick: () => number;
  readonly maxRows: number;
}

/** Of one transaction: each batch has to be small enough for the brokers. */
const PAGE_BYTES = 512 * 1024;
/** What a record may hold at most. */
const RECORD_BYTES = 900_000;
/** Of a row that cannot be used so much is kept. */
const KEPT_BYTES = 64 * 1024;

/** The rows of one transaction: records of the raw topic, and those that cannot be used. */
export class Page {
  readonly #options: PageOptions;
  readonly #id: string;
  readonly #batches = new Map<string, { topic: string; partition: number; records: ProduceRecord[] }>();
  #bytes = 0;
  taken = 0;
  rejected = 0;

  constructor(options: PageOptions) {
    this.#options = options;
    this.#id = fileId(options.source, options.file);
  }

  get isFull(): boolean {
    return this.taken + this.rejected >= this.#options.maxRows || this.#bytes >= PAGE_BYTES;
  }

  get isEmpty(): boolean {
    return this.taken + this.rejected === 0;
  }

  /** A row, by its line. The message id is that of the file and the line: read again, it is the same. */
  take(line: number, record: RowRecord, asOf: number | null): void {
    const value = Buffer.from(JSON.stringify(record));
    if (value.length > RECORD_BYTES) return this.reject(line, `expected at most ${RECORD_BYTES} bytes`, value);
    this.taken += 1;
    this.#put(value, hashId(this.#id, line), asOf, { line: Buffer.from(String(line)) });
  }

  /** The end of the file and of its batch. */
  end(asOf: number): void {
    this.#put(Buffer.from('{}'), hashId(this.#id, 'end'), asOf, { 'ends-batch': Buffer.from('true') });
  }

  /** A row that cannot be used; `reason` holds nothing of its data. */
  reject(line: number, reason: string, value: Buffer | null): void {
    const { source, file, serdes, names, partitions, tick } = this.#options;
    const at = tick();
    const rejected: Rejected = {
      topic: rawTopic(source).name,
      partition: -1,
      offset: -1,
      processor: 'files',
      step: 'decode',
      reason: `${file.name}:${line}: ${reason}`,
      source,
      key: null,
      value: value === null ? null : value.subarray(0, KEPT_BYTES),
      headers: { source: Buffer.from(source), file: Buffer.from(file.name), line: Buffer.from(String(line)) },
      timestamp: at,
      rejectedAt: at,
    };
    this.rejected += 1;
    const key = Buffer.from(hashId(this.#id, line));
    const encoded = serdes.of(topics.eventsRejected).encode(rejected);
    const headers = { reason: Buffer.from('decode'), source: Buffer.from(source) };
    const topic = names.topic(topics.eventsRejected.name);
    this.#add(topic, partitionFor(key, partitions), { key, value: encoded, headers });
  }

  /** The transaction: what is in the page, and with it how far the source is. */
  batches(own: readonly ProduceRecord[]): readonly ProduceBatch[] {
    const { source, names, partitions } = this.#options;
    const state = { topic: names.topic(filesTopic.name), partition: partitionFor(source, partitions), records: own };
    return [...this.#batches.values(), state];
  }

  #put(value: Buffer, messageId: string, asOf: number | null, more: Readonly<Record<string, Buffer>>): void {
    const { source, file, names, partitions, tick } = this.#options;
    const headers = {
      source: Buffer.from(source),
      'message-id': Buffer.from(messageId),
      'received-at': Buffer.from(String(tick())),
      file: Buffer.from(file.name),
      ...(asOf === null ? {} : { 'as-of': Buffer.from(String(asOf)) }),
      [HOPS]: Buffer.from(appendHop(undefined, 'files', tick())),
      ...more,
    };
    const record = { key: Buffer.from(messageId), value, headers };
    this.#add(names.topic(rawTopic(source).name), partitionFor(messageId, partitions), record);
  }

  #add(topic: string, partition: number, record: ProduceRecord): void {
    const batch = this.#batches.get(`${topic}-${partition}`) ?? { topic, partition, records: [] };
    this.#batches.set(`${topic}-${partition}`, batch);
    batch.records.push(record);
    this.#bytes += (record.value?.length ?? 0) + 300;
  }
}
