/** One change of a write batch. */
export type StoreOp =
  | { readonly kind: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'del'; readonly key: Buffer };

export interface StoreEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface ScanRange {
  /** First key, inclusive. */
  readonly gte: Buffer;
  /** End, exclusive. */
  readonly lt: Buffer;
  readonly limit?: number;
}

/**
 * A local key-value store ordered by key bytes: what a task keeps its state in. Implementations: RocksDB and memory,
 * both under tests/conformance/store. Opened by exactly one task; a second opener gets STORE_LOCKED.
 */
export interface Store {
  /** Values in the order of `keys`, undefined where there is none. Off the JavaScript thread where the engine can. */
  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** The same for one key, blocking; for the rare part that was not fetched ahead. */
  get(key: Buffer): Buffer | undefined;
  /** All or nothing, also over a kill -9; not synced to disk (the changelog is the truth). STORE_FULL, STORE_CORRUPT. */
  write(ops: readonly StoreOp[]): Promise<void>;
  /** Entries of the range, in key order, as they are now; blocking, so give a limit. */
  scan(range: ScanRange): readonly StoreEntry[];
  /** Approximate bytes on disk or in memory. */
  size(): number;
  close(): Promise<void>;
}

/** Opens the store of a task; `destroy` removes it, open or not. */
export interface StoreEngine {
  open(name: string): Promise<Store>;
  destroy(name: string): Promise<void>;
}
