import { FreshetError } from '../errors.ts';
import { noHeaders, tpKey } from '../record.ts';
import type { RawRecord, TopicPartition } from '../record.ts';
import { committedFilter } from './committed-filter.ts';
import type { PartitionStream, StreamOptions } from './contract.ts';
import { readBatches, type ReadBatch } from './record-batch.ts';
import { RecordQueue } from './record-queue.ts';
import type { FetchedPartition } from './requests-fetch.ts';

/** Fetches of the same bytes before they are taken for damaged where they lie. */
const DAMAGED_TRIES = 5;
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
  /** What the last fetch brought was damaged: on its way, or where it lies. */
  damage: FreshetError | undefined;
  readonly #owner: StreamOwner;
  readonly #queue: RecordQueue;
  readonly #notify: () => void;
  readonly #maxQueuedBytes: number;
  readonly #unreadable: 'fail' | 'hand-out';
  #damagedInARow = 0;
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
    this.#unreadable = options.unreadable ?? 'fail';
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

  /** Queues what a fetch brought, up to what is damaged. Returns whether the position moved. */
  accept({ aborted, batches, highWatermark = Number.POSITIVE_INFINITY }: FetchedPartition): boolean {
    if (!this.isOpen) return false;
    const from = this.#queue.next;
    const records: RawRecord[] = [];
    let next = from;
    let failure: FreshetError | undefined;
    try {
      const isCommitted = committedFilter(this.isolation === 'read_committed' ? aborted : []);
      for (const batch of readBatches(batches, tpKey(this.topic, this.partition))) {
        // The one thing that decides the position and that no checksum covers.
        if (batch.nextOffset > highWatermark) throw beyond(tpKey(this.topic, this.partition), batch.nextOffset, highWatermark);
        if (isCommitted(batch)) for (const record of this.#read(batch)) if (record.offset >= from) records.push(record);
        next = Math.max(next, batch.nextOffset);
      }
    } catch (error) {
      failure = error instanceof FreshetError ? error : new FreshetError('CORRUPT_BATCH', String(error), { cause: error });
    }
    if (next > from) this.#queue.push(records, next);
    this.damage = failure;
    if (failure === undefined || next > from) this.#damagedInARow = 0;
    // The checksum does not tell whether bytes were damaged on their way or where they lie: they are asked for again.
    if (failure !== undefined && ++this.#damagedInARow >= DAMAGED_TRIES) this.fail(failure);
    if (next > from) this.#notify();
    return next > from;
  }

  #read(batch: ReadBatch): readonly RawRecord[] {
    try {
      return batch.records();
    } catch (error) {
      if (this.#unreadable === 'fail') throw error;
      const offset = Math.max(batch.baseOffset, this.#queue.next);
      const reason = `${batch.nextOffset - batch.baseOffset} records: ${error instanceof Error ? error.message : String(error)}`;
      return [{ key: null, value: batch.bytes, headers: noHeaders, timestamp: batch.newest, offset, unreadable: reason }];
    }
  }
}

function beyond(where: string, offset: number, end: number): FreshetError {
  return new FreshetError('CORRUPT_BATCH', `${where}: a batch that says to reach to ${offset}, but the partition ends at ${end}`);
}
