import type { RawRecord } from '../record.ts';

/** Records fetched and not yet taken, with the position of a stream (see `PartitionStream`). */
export class RecordQueue {
  #records: RawRecord[] = [];
  #head = 0;
  #bytes = 0;
  #taken: number;
  #next: number;

  constructor(offset: number) {
    this.#taken = offset;
    this.#next = offset;
  }

  /** The offset to fetch next. */
  get next(): number {
    return this.#next;
  }

  get length(): number {
    return this.#records.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get position(): number {
    return this.length === 0 ? this.#next : this.#taken;
  }

  /** Queues records and moves the fetch offset to `next`, which lies after all of them. */
  push(records: readonly RawRecord[], next: number): void {
    if (this.length === 0) this.#taken = this.#next;
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += sizeOf(record);
    }
    this.#next = next;
  }

  take(max: number): readonly RawRecord[] {
    const taken = this.#records.slice(this.#head, this.#head + max);
    const last = taken.at(-1);
    if (last === undefined) return taken;
    this.#head += taken.length;
    this.#taken = last.offset + 1;
    for (const record of taken) this.#bytes -= sizeOf(record);
    if (this.#head === this.#records.length) {
      this.#records = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#records.splice(0, this.#head);
      this.#head = 0;
    }
    return taken;
  }
}

const OVERHEAD = 64;

function sizeOf(record: RawRecord): number {
  return OVERHEAD + (record.key?.length ?? 0) + (record.value?.length ?? 0);
}
