import type { PartitionReader, PartitionStream, StreamOptions } from '../kafka/contract.ts';
import { RecordQueue } from '../kafka/record-queue.ts';
import { FreshetError } from '../errors.ts';
import type { RawRecord, TopicPartition } from '../record.ts';
import type { MemoryBroker } from './memory-kafka.ts';
import type { PartitionLog } from './memory-kafka-log.ts';

const MAX_RECORDS_PER_FETCH = 500;

/** Reads the in-memory broker, one pump for each stream, woken by appends. */
export class MemoryReader implements PartitionReader {
  readonly #broker: MemoryBroker;
  readonly #streams = new Set<MemoryStream>();
  #closed = false;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  open(partition: TopicPartition, offset: number, options: StreamOptions = {}): PartitionStream {
    if (this.#closed) throw new FreshetError('CLOSED', 'the reader is closed');
    const stream = new MemoryStream(this.#broker, partition, offset, options, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stream of this.#streams) stream.close();
  }
}

class MemoryStream implements PartitionStream {
  readonly topic: string;
  readonly partition: number;
  readonly #broker: MemoryBroker;
  readonly #queue: RecordQueue;
  readonly #options: StreamOptions;
  readonly #onClose: () => void;
  readonly #unlisten: (() => void)[] = [];
  #scheduled = false;
  #closed = false;
  #error: Error | undefined;
  /** High watermark that this stream's fetches have seen. */
  #seen = 0;

  constructor(broker: MemoryBroker, at: TopicPartition, offset: number, options: StreamOptions, onClose: () => void) {
    this.#broker = broker;
    this.topic = at.topic;
    this.partition = at.partition;
    this.#options = options;
    this.#queue = new RecordQueue(offset);
    this.#onClose = onClose;
    const unwait = broker.whenThere(at, (log) => {
      this.#unlisten.push(log.listen(() => this.#wake(log)));
      this.#wake(log);
    });
    this.#unlisten.push(unwait);
  }

  get queued(): number {
    return this.#queue.length;
  }

  get position(): number {
    return this.#queue.position;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  take(max: number): readonly RawRecord[] {
    const taken = this.#queue.take(max);
    const log = this.#broker.find(this);
    if (taken.length > 0 && log !== undefined) this.#wake(log);
    return taken;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const unlisten of this.#unlisten) unlisten();
    this.#onClose();
  }

  #wake(log: PartitionLog): void {
    if (this.#scheduled || this.#closed || this.#error !== undefined) return;
    this.#scheduled = true;
    this.#broker.schedule.after(1 + this.#broker.schedule.turns('delayedDelivery'), () => {
      this.#scheduled = false;
      this.#fetch(log);
    });
  }

  #fetch(log: PartitionLog): void {
    const { maxQueuedBytes = 4 * 1024 * 1024, isolation = 'read_committed' } = this.#options;
    if (this.#closed || this.#queue.bytes >= maxQueuedBytes) return;
    const from = this.#queue.next;
    if (from < log.start || from > log.end) {
      const { topic, partition } = this;
      const range = `${log.start} to ${log.end}`;
      this.#error = new FreshetError('OFFSET_OUT_OF_RANGE', `${topic}-${partition} holds ${range}, asked for ${from}`);
      this.#options.notify?.();
      return;
    }
    const limit = Math.min(isolation === 'read_committed' ? log.lastStable : log.end, this.#highWatermark(log));
    if (from < limit) {
      const { records, next } = log.read(from, limit, isolation, MAX_RECORDS_PER_FETCH);
      this.#queue.push(records, next);
      this.#options.notify?.();
    }
    const rest = isolation === 'read_committed' ? log.lastStable : log.end;
    if (this.#queue.next < rest) this.#wake(log);
  }

  #highWatermark(log: PartitionLog): number {
    const stale = this.#broker.schedule.turns('staleHighWatermark');
    if (stale === 0) this.#seen = log.end;
    else this.#seen = Math.max(this.#seen, log.end - stale);
    return this.#seen;
  }
}
