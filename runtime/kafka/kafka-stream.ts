import { FreshetError } from '../errors.ts';
import { tpKey } from '../record.ts';
import type { RawRecord, TopicPartition } from '../record.ts';
import { committedFilter } from './committed-filter.ts';
import type { PartitionStream, StreamOptions } from './contract.ts';
import { readBatches } from './record-batch.ts';
import { RecordQueue } from './record-queue.ts';
import type { FetchedPartition } from './requests-fetch.ts';

const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

export interface StreamOwner {
  /** The stream can take bytes again. */
  onRoom(): void;
  onClose(stream: KafkaStream): void;
}

/** The reading end of one partition: decodes what the reader fetches for it, queues, and keeps the position. */
export class KafkaStream implements PartitionStream {
  readonly topic: string;
  readonly partition: number;
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** Broker to fetch from, undefined while it is looked up. */
  leader: number | undefined;
  /** A fetch for it is under way. */
  fetching = false;
  /** Fetches and look-ups that failed in a row. */
  failures = 0;
  readonly #owner: StreamOwner;
  readonly #queue: RecordQueue;
  readonly #notify: () => void;
  readonly #maxQueuedBytes: number;
  #error: FreshetError | undefined;
  #closed = false;

  constructor(owner: StreamOwner, { topic, partition }: TopicPartition, offset: number, options: StreamOptions) {
    this.#owner = owner;
    this.topic = topic;
    this.partition = partition;
    this.isolation = options.isolation ?? 'read_committed';
    this.#queue = new RecordQueue(offset);
    this.#notify = options.notify ?? (() => undefined);
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get position(): number {
    return this.#queue.position;
  }

  get error(): FreshetError | undefined {
    return this.#error;
  }

  /** The offset to fetch next. */
  get next(): number {
    return this.#queue.next;
  }

  /** Neither closed nor failed. */
  get isOpen(): boolean {
    return !this.#closed && this.#error === undefined;
  }

  get isFull(): boolean {
    return this.#queue.bytes >= this.#maxQueuedBytes;
  }

  take(max: number): readonly RawRecord[] {
    const wasFull = this.isFull;
    const taken = this.#queue.take(max);
    if (wasFull && !this.isFull) this.#owner.onRoom();
    return taken;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClose(this);
  }

  fail(error: FreshetError): void {
    if (!this.isOpen) return;
    this.#error = error;
    this.#notify();
  }

  /** Queues what a fetch brought. Returns whether the position moved. */
  accept({ aborted, batches }: FetchedPartition): boolean {
    if (!this.isOpen) return false;
    const from = this.#queue.next;
    const records: RawRecord[] = [];
    let next = from;
    let failure: FreshetError | undefined;
    try {
      const isCommitted = committedFilter(this.isolation === 'read_committed' ? aborted : []);
      for (const batch of readBatches(batches, tpKey(this.topic, this.partition))) {
        if (isCommitted(batch)) for (const record of batch.records()) if (record.offset >= from) records.push(record);
        next = Math.max(next, batch.nextOffset);
      }
    } catch (error) {
      failure = error instanceof FreshetError ? error : new FreshetError('CORRUPT_BATCH', String(error), { cause: error });
    }
    if (next > from) this.#queue.push(records, next);
    if (failure !== undefined) this.fail(failure);
    else if (next > from) this.#notify();
    return next > from;
  }
}
