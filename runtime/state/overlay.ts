import type { KeyState, Marks } from '../processor.ts';
import { CellCache } from './cell-cache.ts';
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
  /** What the store holds, as far as it was read. */
  readonly #committed: CellCache;
  /** What this transaction has read of it: more than the cache may hold, and wanted again when it is written. */
  readonly #seen = new Map<string, Cell | null>();
  /** null: deleted. */
  readonly #transaction = new Map<string, Cell | null>();
  readonly #record = new Map<string, Cell | null>();

  /** `committed` may outlive the overlay, if it is told what was written. */
  constructor(store: Store, committed = new CellCache()) {
    this.#store = store;
    this.#committed = committed;
  }

  /** Reads parts ahead, in one go. */
  async prefetch(ids: Iterable<string>): Promise<void> {
    const missing = new Set<string>();
    for (const id of ids) {
      const known = this.#committed.get(id);
      if (known === undefined) missing.add(id);
      else this.#seen.set(id, known);
    }
    if (missing.size === 0) return;
    const wanted = [...missing];
    const values = await this.#store.getMany(wanted.map(dataKey));
    wanted.forEach((id, i) => this.#remember(id, values[i]));
  }

  read(id: string): Cell | undefined {
    const written = this.#record.get(id) ?? (this.#record.has(id) ? null : this.#transaction.get(id));
    return (written === undefined ? this.#read(id) : written) ?? undefined;
  }

  write(id: string, cell: Cell | undefined): void {
    this.#record.set(id, cell ?? null);
  }

  /** The writes of the current record become part of the transaction. */
  accept(): void {
    if (this.#record.size === 0) return;
    for (const [id, cell] of this.#record) this.#transaction.set(id, cell);
    this.#record.clear();
  }

  /** The writes of the current record are forgotten. */
  discard(): void {
    this.#record.clear();
  }

  /** Nothing was written. */
  get isClean(): boolean {
    return this.#transaction.size === 0 && this.#record.size === 0;
  }

  /** Last value per part, in the order of first writing; parts that never were and are not there are left out. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [id, after] of this.#transaction) {
      const before = this.#read(id);
      if (after || before) changes.push({ id, after: after ?? undefined, before: before ?? undefined });
    }
    return changes;
  }

  /** The state of one key. */
  keyState(key: string): KeyState {
    return new OverlaidKey(this, key);
  }

  /** Names of the parts of a key, sorted. */
  parts(key: string): string[] {
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

  #read(id: string): Cell | null {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen;
    const known = this.#committed.get(id);
    if (known === undefined) return this.#remember(id, this.#store.get(dataKey(id)));
    this.#seen.set(id, known);
    return known;
  }

  #remember(id: string, bytes: Buffer | undefined): Cell | null {
    const cell = bytes ? decodeCell(bytes) : null;
    this.#committed.set(id, cell, bytes?.length ?? 0);
    this.#seen.set(id, cell);
    return cell;
  }
}

class OverlaidKey implements KeyState {
  readonly #overlay: Overlay;
  readonly #key: string;

  constructor(overlay: Overlay, key: string) {
    this.#overlay = overlay;
    this.#key = key;
  }

  get<T>(part: string): T | undefined {
    return this.#overlay.read(partId(this.#key, part))?.value as T | undefined;
  }

  set<T>(part: string, value: T, marks?: Marks): void {
    this.#overlay.write(partId(this.#key, part), cellOf(value, marks));
  }

  delete(part: string): void {
    this.#overlay.write(partId(this.#key, part), undefined);
  }

  parts(): readonly string[] {
    return this.#overlay.parts(this.#key);
  }
}
