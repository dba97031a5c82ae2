import { noHeaders } from '../record.ts';
import type { Headers, ProduceRecord, RawRecord } from '../record.ts';

export type Isolation = 'read_committed' | 'read_uncommitted';

type State = 'committed' | 'open' | 'aborted' | 'marker';

interface Entry extends RawRecord {
  state: State;
}

interface OpenTransaction {
  readonly first: number;
  readonly entries: Entry[];
}

export interface LogSlice {
  readonly records: readonly RawRecord[];
  /** Where the next read goes on. */
  readonly next: number;
}

/** One partition: data and control markers at offsets, open transactions, the last stable offset. */
export class PartitionLog {
  #entries: Entry[] = [];
  #open = new Map<number, OpenTransaction>();
  #start = 0;
  #end = 0;
  readonly #listeners = new Set<() => void>();

  get start(): number {
    return this.#start;
  }

  /** Log end, open transactions included. */
  get end(): number {
    return this.#end;
  }

  /** First offset of the oldest open transaction, else the log end. */
  get lastStable(): number {
    let stable = this.#end;
    for (const { first } of this.#open.values()) stable = Math.min(stable, first);
    return stable;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Appends at the end and returns the base offset. Bytes are copied, as a wire would. */
  append(records: readonly ProduceRecord[], now: number, appendTime: boolean, transaction?: number): number {
    const base = this.#end;
    for (const record of records) {
      const timestamp = appendTime ? now : (record.timestamp ?? now);
      const { key, value, headers } = record;
      const state: State = transaction === undefined ? 'committed' : 'open';
      const entry = { key: copy(key), value: copy(value), headers: copyHeaders(headers), timestamp, offset: this.#end++, state };
      this.#entries.push(entry);
      if (transaction !== undefined) this.#openOf(transaction, entry.offset).entries.push(entry);
    }
    this.#changed();
    return base;
  }

  /** Writes the control marker which ends what the producer has open here. */
  mark(producerId: number, commit: boolean, now: number): void {
    for (const entry of this.#open.get(producerId)?.entries ?? []) entry.state = commit ? 'committed' : 'aborted';
    this.#open.delete(producerId);
    this.#entries.push({ key: null, value: null, headers: noHeaders, timestamp: now, offset: this.#end++, state: 'marker' });
    this.#changed();
  }

  /** What a reader sees from `from` on, below `limit`, at most `max` records. */
  read(from: number, limit: number, isolation: Isolation, max: number): LogSlice {
    const records: RawRecord[] = [];
    for (let at = this.#indexOf(from); at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.offset >= limit) break;
      if (records.length === max) return { records, next: entry.offset };
      if (visible(entry, isolation)) records.push(raw(entry));
    }
    return { records, next: Math.max(from, limit) };
  }

  /** Keeps the last record of each key below the last stable offset; what was compacted away leaves gaps. */
  compact(dropTombstones: boolean): void {
    const stable = this.lastStable;
    const last = new Map<string, number>();
    for (const entry of this.#entries) {
      if (entry.state === 'committed' && entry.key !== null) last.set(entry.key.toString('latin1'), entry.offset);
    }
    this.#entries = this.#entries.filter((entry) => {
      if (entry.offset >= stable) return true;
      if (entry.state !== 'committed') return false;
      if (entry.key === null) return true;
      return last.get(entry.key.toString('latin1')) === entry.offset && !(dropTombstones && entry.value === null);
    });
  }

  /** Drops everything below `offset`, as retention or DeleteRecords do. */
  truncate(offset: number): void {
    this.#start = Math.min(Math.max(this.#start, offset), this.#end);
    this.#entries = this.#entries.filter((entry) => entry.offset >= this.#start);
    this.#changed();
  }

  #openOf(producerId: number, first: number): OpenTransaction {
    const open = this.#open.get(producerId) ?? { first, entries: [] };
    this.#open.set(producerId, open);
    return open;
  }

  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.offset ?? Infinity) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function visible(entry: Entry, isolation: Isolation): boolean {
  if (entry.state === 'marker') return false;
  return isolation === 'read_uncommitted' || entry.state === 'committed';
}

function raw({ key, value, headers, timestamp, offset }: Entry): RawRecord {
  return { key, value, headers, timestamp, offset };
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}

function copyHeaders(headers: Headers | undefined): Headers {
  if (headers === undefined || Object.keys(headers).length === 0) return noHeaders;
  const copied = Object.create(null) as Record<string, Buffer>;
  for (const [name, value] of Object.entries(headers)) copied[name] = Buffer.from(value);
  return copied;
}
