import type { KeyState, Marks } from '../processor.ts';
import { type Cell, cellOf, dataKey, decodeCell, partId, prefixEnd, splitId } from './layout.ts';
import type { Store } from './store.ts';

/** A part as the transaction leaves it; `before` is what the store holds, where that is known. */
export interface Change {
  readonly id: string;
  readonly after: Cell | undefined;
  readonly before: Cell | undefined;
}

/**
 * State as one transaction sees it: writes of the current record over those of the transaction's earlier records over
 * the store. A record's writes join the transaction only when `process` has returned (`accept`); a throw leaves nothing.
 */
export class Overlay {
  readonly #store: Store;
  /** What the store holds, as far as it was read in this transaction. */
  readonly #fetched = new Map<string, Cell | undefined>();
  readonly #transaction = new Map<string, Cell | undefined>();
  readonly #record = new Map<string, Cell | undefined>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads parts ahead, in one go. */
  async prefetch(ids: Iterable<string>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#fetched.has(id));
    if (missing.length === 0) return;
    const values = await this.#store.getMany(missing.map(dataKey));
    missing.forEach((id, i) => {
      const bytes = values[i];
      this.#fetched.set(id, bytes && decodeCell(bytes));
    });
  }

  read(id: string): Cell | undefined {
    if (this.#record.has(id)) return this.#record.get(id);
    if (this.#transaction.has(id)) return this.#transaction.get(id);
    return this.#committed(id);
  }

  write(id: string, cell: Cell | undefined): void {
    this.#record.set(id, cell);
  }

  /** The writes of the current record become part of the transaction. */
  accept(): void {
    for (const [id, cell] of this.#record) this.#transaction.set(id, cell);
    this.#record.clear();
  }

  /** The writes of the current record are forgotten. */
  discard(): void {
    this.#record.clear();
  }

  /** Last value per part, in the order of first writing; parts that never were and are not there are left out. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [id, after] of this.#transaction) {
      const before = this.#committed(id);
      if (after || before) changes.push({ id, after, before });
    }
    return changes;
  }

  /** The state of one key. */
  keyState(key: string): KeyState {
    return {
      get: <T>(part: string) => this.read(partId(key, part))?.value as T | undefined,
      set: <T>(part: string, value: T, marks?: Marks) => this.write(partId(key, part), cellOf(value, marks)),
      delete: (part) => this.write(partId(key, part), undefined),
      parts: () => this.#parts(key),
    };
  }

  #committed(id: string): Cell | undefined {
    if (this.#fetched.has(id)) return this.#fetched.get(id);
    const bytes = this.#store.get(dataKey(id));
    const cell = bytes && decodeCell(bytes);
    this.#fetched.set(id, cell);
    return cell;
  }

  #parts(key: string): string[] {
    const prefix = dataKey(partId(key, ''));
    const found = new Set<string>();
    for (const entry of this.#store.scan({ gte: prefix, lt: prefixEnd(prefix) })) {
      found.add(entry.key.toString('utf8', prefix.length));
    }
    for (const level of [this.#transaction, this.#record]) {
      for (const [id, cell] of level) {
        const { key: owner, part } = splitId(id);
        if (owner !== key) continue;
        if (cell) found.add(part);
        else found.delete(part);
      }
    }
    return [...found].sort();
  }
}
