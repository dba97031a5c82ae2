import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { FreshetError } from '../errors.ts';
import { manifestDamage } from './manifest.ts';
import type { ScanRange, Store, StoreEngine, StoreEntry, StoreOp } from './store.ts';

/** What is used of the binding; its own typings describe the asynchronous half only. */
interface Binding {
  open(options: object): Promise<void>;
  close(): Promise<void>;
  _getManySync(keys: readonly Buffer[], options: object): (Buffer | undefined)[];
  querySync(options: object): { rows: (Buffer | undefined)[] };
  _chainedBatch(): RawBatch;
  getProperty(name: string): string;
}

/** What lies below its public batch, which keeps a second copy of every operation and looks at each for nothing. */
interface RawBatch {
  _put(key: Buffer, value: Buffer, options: object): void;
  _del(key: Buffer, options: object): void;
  _writeSync(options: object): void;
  _closeSync(): void;
}

const bytes = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
const unsynced = { sync: false } as const;
const none = {} as const;
/** Keys read in one go: some milliseconds when all of them lie on disk. */
const READ_AT_ONCE = 100;

/**
 * One RocksDB per task. Small memory (16 MiB cache, 32 MiB memtables) since many tasks share a process;
 * no compression: values are small and packed; bloom filters, since most first reads of a part miss.
 */
const tuning = {
  createIfMissing: true,
  cacheSize: 16 * 1024 * 1024,
  memtableMemoryBudget: 32 * 1024 * 1024,
  compaction: 'level',
  compression: false,
  // Its own default compresses, on the JavaScript thread, what is soon thrown away.
  walCompression: false,
  filterPolicy: 'bloom',
  parallelism: 1,
  infoLogLevel: 'error',
} as const;

/** RocksDB stores in folders under `root`; the only file that knows the binding. */
export function rocksdbEngine(root: string): StoreEngine {
  const require = createRequire(import.meta.url);
  let constructor: (new (path: string) => Binding) | undefined;
  const load = (): new (path: string) => Binding => {
    if (constructor) return constructor;
    try {
      constructor = (require('@nxtedition/rocksdb') as { RocksLevel: new (path: string) => Binding }).RocksLevel;
      return constructor;
    } catch (cause) {
      throw new FreshetError(
        'MISSING_TOOL',
        `The RocksDB binding has no build for ${process.platform}-${process.arch}; linux-x64 and darwin-arm64 have one.`,
        { cause },
      );
    }
  };
  return {
    open: async (name) => {
      const path = join(root, name);
      await mkdir(path, { recursive: true });
      const damage = await manifestDamage(path);
      if (damage !== undefined) throw new FreshetError('STORE_CORRUPT', `The store ${name} is damaged: ${damage}`);
      const db = new (load())(path);
      try {
        await db.open(tuning);
      } catch (cause) {
        throw openFailure(name, cause);
      }
      return new RocksdbStore(db);
    },
    destroy: (name) => rm(join(root, name), { recursive: true, force: true }),
  };
}

class RocksdbStore implements Store {
  readonly #db: Binding;
  #closed = false;

  constructor(db: Binding) {
    this.#db = db;
  }

  /**
   * On the JavaScript thread, with a break after every hundred keys: the binding's own asynchronous read throws where nobody
   * can catch it when it meets a damaged block, which would end the process at every start anew. It is no faster either.
   */
  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    const values: (Buffer | undefined)[] = [];
    for (let from = 0; from < keys.length; from += READ_AT_ONCE) {
      if (from > 0) await immediate();
      values.push(...this.#read(keys.slice(from, from + READ_AT_ONCE)));
    }
    return values;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#read([key])[0];
  }

  async write(ops: readonly StoreOp[]): Promise<void> {
    if (ops.length === 0) return;
    if (this.#closed) throw new FreshetError('CLOSED', 'The store has been closed.');
    try {
      const batch = this.#db._chainedBatch();
      for (const op of ops) {
        if (op.kind === 'put') batch._put(op.key, op.value, none);
        else batch._del(op.key, none);
      }
      batch._writeSync(unsynced);
      batch._closeSync();
    } catch (cause) {
      fail(cause);
    }
  }

  scan(range: ScanRange): readonly StoreEntry[] {
    try {
      const { rows } = this.#db.querySync({ ...bytes, gte: range.gte, lt: range.lt, limit: range.limit ?? -1 });
      const entries: StoreEntry[] = [];
      for (let i = 0; i + 1 < rows.length; i += 2) {
        const key = rows[i];
        const value = rows[i + 1];
        if (key && value) entries.push({ key, value });
      }
      return entries;
    } catch (cause) {
      return fail(cause);
    }
  }

  size(): number {
    const files = Number(this.#db.getProperty('rocksdb.total-sst-files-size'));
    const memory = Number(this.#db.getProperty('rocksdb.cur-size-all-mem-tables'));
    return (Number.isFinite(files) ? files : 0) + (Number.isFinite(memory) ? memory : 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#db.close();
  }

  /** The binding does not look whether it is closed. */
  #read(keys: readonly Buffer[]): (Buffer | undefined)[] {
    if (this.#closed) throw new FreshetError('CLOSED', 'The store has been closed.');
    try {
      return this.#db._getManySync(keys, bytes);
    } catch (cause) {
      return fail(cause);
    }
  }
}

/** Messages of an error and of what caused it; by shape, since the binding makes its errors in a realm of its own. */
function messages(cause: unknown): string {
  const parts: string[] = [];
  let at = cause as { readonly message?: unknown; readonly cause?: unknown } | null | undefined;
  for (; typeof at === 'object' && at !== null && parts.length < 5; at = at.cause as typeof at) parts.push(String(at.message));
  return parts.join(': ');
}

// Messages name files, so nothing here may match a word that a path could hold.
const damaged = /Corruption: /;
const noRoom = /No space left on device|File too large|Disk quota exceeded|Read-only file system|Too many open files/;
const locked = /IO error: (lock hold by current process|While lock file)/;

function openFailure(name: string, cause: unknown): FreshetError {
  const text = messages(cause);
  if (damaged.test(text)) return new FreshetError('STORE_CORRUPT', `The store ${name} is damaged: ${text}`, { cause });
  if (locked.test(text))
    return new FreshetError('STORE_LOCKED', `The store ${name} is open in another process.`, { cause, retryable: true });
  if (noRoom.test(text))
    return new FreshetError('STORE_FULL', `No room to open the store ${name}: ${text}`, { cause, retryable: true });
  return new FreshetError('STORE_CORRUPT', `The store ${name} cannot be opened: ${text}`, { cause });
}

function fail(cause: unknown): never {
  const text = messages(cause);
  if (!damaged.test(text) && /IO error: /.test(text))
    throw new FreshetError('STORE_FULL', `The store takes no writes: ${text}`, { cause, retryable: true });
  throw new FreshetError('STORE_CORRUPT', `The store failed: ${text}`, { cause });
}
