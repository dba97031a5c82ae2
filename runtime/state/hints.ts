import type { Store, StoreOp } from './store.ts';
import {
  type Cell,
  dataKey,
  decodeCell,
  empty,
  hintKey,
  hintPrefix,
  type HintKind,
  prefixEnd,
  readHint,
  sortable,
} from './layout.ts';
import type { Change } from './overlay.ts';

/** Sorts after every id: UTF-8 has no such byte. */
const afterIds = Buffer.from([0xff]);

export interface Hint {
  readonly name: string;
  readonly at: number;
  readonly id: string;
}

/** Whether a changed part has marks now, or had some. */
export function hasHints({ before, after }: Change): boolean {
  return isMarked(before) || isMarked(after);
}

function isMarked(cell: Cell | undefined): boolean {
  return cell !== undefined && (cell.due.length > 0 || cell.hold !== undefined);
}

/** Store operations that keep the hints of a changed part in step with its marks. */
export function hintOps(change: Change): StoreOp[] {
  const before = hintKeys(change.id, change.before);
  const after = hintKeys(change.id, change.after);
  const ops: StoreOp[] = [];
  for (const [text, key] of before) if (!after.has(text)) ops.push({ kind: 'del', key });
  for (const [text, key] of after) if (!before.has(text)) ops.push({ kind: 'put', key, value: empty });
  return ops;
}

function hintKeys(id: string, cell: Cell | undefined): Map<string, Buffer> {
  const keys = new Map<string, Buffer>();
  for (const { clock, at } of cell?.due ?? []) {
    const key = hintKey('t', clock, at, id);
    keys.set(key.toString('latin1'), key);
  }
  if (cell?.hold) {
    const key = hintKey('h', cell.hold.source, cell.hold.at, id);
    keys.set(key.toString('latin1'), key);
  }
  return keys;
}

/**
 * The local index of what is due and of what holds claims. Hints may be stale (the part has changed since): who acts on
 * one looks at the part first. Keeps the earliest hint of each name in memory, so that asking when nothing is due is free,
 * and so that no scan has to pass over the graves of those that were due before: at one moment there may be very many.
 */
export class HintIndex {
  readonly #store: Store;
  readonly #kind: HintKind;
  /** Where the first hint of each name lies in the store; nothing of the name lies before it. */
  readonly #first = new Map<string, { readonly at: number; readonly key: Buffer }>();

  constructor(store: Store, kind: HintKind) {
    this.#store = store;
    this.#kind = kind;
    this.#load();
  }

  names(): Iterable<string> {
    return this.#first.keys();
  }

  earliest(name: string): number {
    return this.#first.get(name)?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Hints of `name` up to and including `until`, earliest first, at most `limit`. */
  page(name: string, until: number, limit: number): Hint[] {
    const first = this.#first.get(name);
    if (first === undefined || first.at > until) return [];
    const lt = Buffer.concat([hintPrefix(this.#kind, name), sortable(until), afterIds]);
    return this.#store.scan({ gte: first.key, lt, limit }).map((entry) => readHint(entry.key));
  }

  /** To be told of every write batch that touches hints, after it was written. */
  written(ops: readonly StoreOp[]): void {
    const letter = this.#kind.charCodeAt(0);
    const shrunk = new Set<string>();
    for (const op of ops) {
      if (op.key[0] !== letter) continue;
      const { name, at } = readHint(op.key);
      const first = this.#first.get(name);
      const order = first === undefined ? -1 : Buffer.compare(op.key, first.key);
      if (op.kind === 'put' && order < 0) this.#first.set(name, { at, key: op.key });
      else if (op.kind === 'del' && order === 0) shrunk.add(name);
    }
    for (const name of shrunk) this.#reload(name);
  }

  /** The earliest hint of `name` that its part still confirms (+Infinity: none); stale ones before it are removed. */
  verified(name: string, store: Store): number {
    while (this.earliest(name) !== Number.POSITIVE_INFINITY) {
      const stale: StoreOp[] = [];
      for (const hint of this.page(name, Number.POSITIVE_INFINITY, 100)) {
        const bytes = store.get(dataKey(hint.id));
        const hold = bytes && decodeCell(bytes).hold;
        if (hold && hold.source === name && hold.at === hint.at) {
          this.#remove(stale);
          return hint.at;
        }
        stale.push({ kind: 'del', key: hintKey(this.#kind, hint.name, hint.at, hint.id) });
      }
      this.#remove(stale);
    }
    return Number.POSITIVE_INFINITY;
  }

  #remove(stale: readonly StoreOp[]): void {
    if (stale.length === 0) return;
    void this.#store.write(stale);
    this.written(stale);
  }

  #reload(name: string): void {
    const prefix = hintPrefix(this.#kind, name);
    const gte = this.#first.get(name)?.key ?? prefix;
    const [first] = this.#store.scan({ gte, lt: prefixEnd(prefix), limit: 1 });
    if (first) this.#first.set(name, { at: readHint(first.key).at, key: first.key });
    else this.#first.delete(name);
  }

  #load(): void {
    const end = Buffer.from([this.#kind.charCodeAt(0) + 1]);
    let from: Buffer = Buffer.from(this.#kind);
    for (;;) {
      const [first] = this.#store.scan({ gte: from, lt: end, limit: 1 });
      if (!first) return;
      const { name, at } = readHint(first.key);
      this.#first.set(name, { at, key: first.key });
      from = prefixEnd(hintPrefix(this.#kind, name));
    }
  }
}
