import { FreshetError } from '../errors.ts';
import type { ScanRange, Store, StoreEngine, StoreEntry, StoreOp } from './store.ts';

/** Stores in memory that outlive `close`, as files would, until `destroy` or the end of the process. */
export function memoryEngine(): StoreEngine {
  const stores = new Map<string, { entries: Map<string, StoreEntry>; open: boolean }>();
  return {
    open: async (name) => {
      const held = stores.get(name) ?? { entries: new Map<string, StoreEntry>(), open: false };
      if (held.open) throw new FreshetError('STORE_LOCKED', `The store ${name} is open already.`, { retryable: true });
      held.open = true;
      stores.set(name, held);
      return new MemoryStore(held.entries, () => {
        held.open = false;
      });
    },
    destroy: async (name) => {
      stores.delete(name);
    },
  };
}

class MemoryStore implements Store {
  readonly #entries: Map<string, StoreEntry>;
  readonly #onClose: () => void;
  /** Keys in order, among them some that have been deleted; made anew when a scan finds that others have come. */
  #sorted: string[] | undefined;

  constructor(entries: Map<string, StoreEntry>, onClose: () => void) {
    this.#entries = entries;
    this.#onClose = onClose;
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return keys.map((key) => this.get(key));
  }

  get(key: Buffer): Buffer | undefined {
    return this.#entries.get(key.toString('latin1'))?.value;
  }

  async write(ops: readonly StoreOp[]): Promise<void> {
    for (const op of ops) {
      const id = op.key.toString('latin1');
      if (op.kind === 'put') {
        if (!this.#entries.has(id)) this.#sorted = undefined;
        this.#entries.set(id, { key: Buffer.from(op.key), value: Buffer.from(op.value) });
      } else {
        this.#entries.delete(id);
      }
    }
  }

  scan(range: ScanRange): readonly StoreEntry[] {
    this.#sorted ??= [...this.#entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const from = range.gte.toString('latin1');
    const to = range.lt.toString('latin1');
    const found: StoreEntry[] = [];
    for (let i = lowerBound(this.#sorted, from); i < this.#sorted.length; i++) {
      const id = this.#sorted[i];
      if (id === undefined || id >= to || found.length === range.limit) break;
      const entry = this.#entries.get(id);
      if (entry) found.push(entry);
    }
    return found;
  }

  size(): number {
    let bytes = 0;
    for (const { key, value } of this.#entries.values()) bytes += key.length + value.length;
    return bytes;
  }

  async close(): Promise<void> {
    this.#onClose();
  }
}

function lowerBound(sorted: readonly string[], from: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
