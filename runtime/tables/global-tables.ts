import type { Log, Names } from '../environment.ts';
import type { Admin, PartitionReader, PartitionStream } from '../kafka/contract.ts';
import { FreshetError } from '../errors.ts';
import { partitionFor } from '../partition.ts';
import { type RawRecord, type TopicPartition, tpKey } from '../record.ts';
import type { SerdeSource, Topic } from '../topic.ts';

/** A row, and where in the topic it was read. */
export interface TableRow<V = unknown> {
  readonly value: V;
  readonly partition: number;
  readonly offset: number;
}

/** What a processor may ask of a global table. */
export interface Lookup {
  /** The row of a key as it stands now; undefined: there is none. */
  row<V>(topic: Topic<V>, key: string): TableRow<V> | undefined;
  /** Where the row of a key would lie, and up to which offset that partition has been read. */
  place(topic: Topic, key: string): { readonly partition: number; readonly offset: number };
}

export interface GlobalTablesOptions {
  readonly topics: readonly Topic[];
  readonly partitions: number;
  readonly names: Names;
  readonly serdes: SerdeSource;
  readonly reader: PartitionReader;
  readonly admin: Pick<Admin, 'startOffsets' | 'endOffsets'>;
  readonly log: Log;
  /** All keys and values of a process together; beyond it no new key is taken, and the log says so. Default 256 MiB. */
  readonly maxBytes?: number;
}

interface Stored {
  readonly bytes: Buffer;
  readonly partition: number;
  readonly offset: number;
}

const MAX_BYTES = 256 * 1024 * 1024;
const PAGE = 2000;
const DECODED = 10_000;
const AGAIN_MS = 1000;
const PATIENCE_MS = 10_000;

/**
 * Compacted topics that this process reads whole: read-committed, from their start, held in memory as the bytes they came in.
 * `open` resolves when everything that was there has been read; after that they follow. A table is only ever behind.
 */
export class GlobalTables implements Lookup {
  readonly #options: GlobalTablesOptions;
  readonly #rows = new Map<string, Map<string, Stored>>();
  readonly #decoded = new Map<Stored, unknown>();
  readonly #streams = new Map<string, PartitionStream>();
  readonly #unreadable = new Set<string>();
  /** Partitions with rows of a schema that is being fetched. */
  readonly #preparing = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #bytes = 0;
  #isFull = false;
  #closed = false;

  private constructor(options: GlobalTablesOptions) {
    this.#options = options;
    for (const { name } of options.topics) this.#rows.set(name, new Map());
  }

  static async open(options: GlobalTablesOptions): Promise<GlobalTables> {
    const tables = new GlobalTables(options);
    const all = options.topics.flatMap((topic) => tables.partitionsOf(topic).map((at) => ({ topic, at })));
    if (all.length === 0) return tables;
    const places = all.map(({ at }) => at);
    const [starts, ends] = [await options.admin.startOffsets(places), await options.admin.endOffsets(places)];
    await Promise.all(
      all.map(({ topic, at }) => {
        const id = tpKey(at.topic, at.partition);
        return tables.#follow(topic, at, starts.get(id) ?? 0, ends.get(id) ?? 0);
      }),
    );
    return tables;
  }

  /** The partitions of a table, physical. */
  partitionsOf(topic: Topic): TopicPartition[] {
    const name = this.#options.names.topic(topic.name);
    return Array.from({ length: this.#options.partitions }, (_, partition) => ({ topic: name, partition }));
  }

  /** Everything below has been taken in; by physical `tpKey`. Undefined for what is no table here. */
  position(physical: string): number | undefined {
    return this.#streams.get(physical)?.position;
  }

  /**
   * Resolves when these tables have been read as far as they are written now; of topics that are no table here nothing is waited
   * for. Rejects with TABLE_BEHIND (retryable) after `patienceMs`, default 10 seconds.
   */
  async reach(topics: readonly Topic[], patienceMs = PATIENCE_MS): Promise<void> {
    const here = topics.filter(({ name }) => this.#rows.has(name));
    if (here.length === 0) return;
    const ends = await this.#options.admin.endOffsets(here.flatMap((topic) => this.partitionsOf(topic)));
    const isThere = (): boolean => [...ends].every(([id, end]) => !this.#preparing.has(id) && (this.position(id) ?? 0) >= end);
    if (isThere()) return;
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(late);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        if (!isThere()) return;
        stop();
        resolve();
      };
      const late = setTimeout(() => {
        stop();
        const names = here.map(({ name }) => name).join(', ');
        reject(new FreshetError('TABLE_BEHIND', `Not read to its end within ${patienceMs} ms: ${names}.`, { retryable: true }));
      }, patienceMs);
      this.#waiting.add(check);
    });
  }

  row<V>(topic: Topic<V>, key: string): TableRow<V> | undefined {
    const stored = this.#rows.get(topic.name)?.get(key);
    if (stored === undefined) return undefined;
    let value = this.#decoded.get(stored) as V | undefined;
    if (value === undefined) {
      value = this.#options.serdes.of(topic).decode(stored.bytes);
      if (this.#decoded.size >= DECODED) this.#decoded.clear();
      this.#decoded.set(stored, value);
    }
    return { value, partition: stored.partition, offset: stored.offset };
  }

  place(topic: Topic, key: string): { partition: number; offset: number } {
    const partition = partitionFor(key, this.#options.partitions);
    return { partition, offset: this.position(tpKey(this.#options.names.topic(topic.name), partition)) ?? 0 };
  }

  /** Rows of all tables. */
  get size(): number {
    let size = 0;
    for (const rows of this.#rows.values()) size += rows.size;
    return size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  /** Resolves when `end` has been reached. */
  async #follow(topic: Topic, at: TopicPartition, start: number, end: number): Promise<void> {
    const id = tpKey(at.topic, at.partition);
    const serde = this.#options.serdes.of(topic);
    await new Promise<void>((resolve) => {
      const drain = (): void => {
        const stream = this.#streams.get(id);
        if (!stream || this.#preparing.has(id)) return;
        if (stream.error) return this.#again(topic, at, stream.error);
        for (let page = stream.take(PAGE); page.length > 0; page = stream.take(PAGE)) {
          const missing = page.flatMap(({ value }) => (value === null ? [] : (serde.prepare?.(value) ?? [])));
          for (const record of page) this.#apply(topic, at.partition, record);
          if (missing.length === 0) continue;
          // A schema that is not known yet: rows can be read once it is.
          this.#preparing.add(id);
          void this.#prepared(topic, page, missing).then(() => {
            this.#preparing.delete(id);
            drain();
          });
          return;
        }
        if (stream.position >= end) resolve();
        for (const check of this.#waiting) check();
      };
      this.#streams.set(id, this.#options.reader.open(at, start, { notify: drain }));
      drain();
    });
  }

  /** Resolves when the schemas of a page are known; the registry is asked until it answers. */
  async #prepared(topic: Topic, page: readonly RawRecord[], asked: readonly Promise<void>[]): Promise<void> {
    const serde = this.#options.serdes.of(topic);
    for (let missing = asked; missing.length > 0 && !this.#closed;) {
      const results = await Promise.allSettled(missing);
      const failure = results.find((result) => result.status === 'rejected');
      if (failure === undefined) return;
      const reason: unknown = failure.reason;
      const message = reason instanceof Error ? reason.message : String(reason);
      this.#options.log('warn', 'a schema of a reference table is not to be had', { table: topic.name, message });
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      missing = page.flatMap(({ value }) => (value === null ? [] : (serde.prepare?.(value) ?? [])));
    }
  }

  #apply(topic: Topic, partition: number, { key, value, offset }: RawRecord): void {
    const rows = this.#rows.get(topic.name);
    if (!key || !rows) return;
    const name = key.toString('utf8');
    const before = rows.get(name);
    if (before) this.#decoded.delete(before);
    const more = (value?.length ?? 0) - (before?.bytes.length ?? 0) + (before ? 0 : key.length);
    if (value === null) {
      if (before) this.#bytes -= before.bytes.length + key.length;
      rows.delete(name);
      return;
    }
    if (!before && this.#bytes + more > (this.#options.maxBytes ?? MAX_BYTES)) return this.#full(topic);
    this.#bytes += more;
    rows.set(name, { bytes: Buffer.from(value), partition, offset });
  }

  #full(topic: Topic): void {
    if (this.#isFull) return;
    this.#isFull = true;
    const { log, maxBytes = MAX_BYTES } = this.#options;
    log('error', 'a reference table takes no more rows', { table: topic.name, bytes: this.#bytes, maxBytes });
  }

  /** A stream that has ended for good begins anew: rows are replaced by what is there. */
  #again(topic: Topic, at: TopicPartition, error: Error): void {
    const id = tpKey(at.topic, at.partition);
    const { log, admin } = this.#options;
    if (!this.#unreadable.has(id))
      log('error', 'a reference table cannot be read', { table: topic.name, message: error.message });
    this.#unreadable.add(id);
    this.#streams.get(id)?.close();
    setTimeout(() => {
      if (this.#closed) return;
      void admin
        .startOffsets([at])
        .then((starts) => this.#follow(topic, at, starts.get(id) ?? 0, 0))
        .catch((cause: unknown) => this.#again(topic, at, cause instanceof Error ? cause : error));
    }, AGAIN_MS).unref();
  }
}

/** No tables: of a deployment without any, and of dry runs. */
export const noTables: Lookup = { row: () => undefined, place: () => ({ partition: 0, offset: 0 }) };
