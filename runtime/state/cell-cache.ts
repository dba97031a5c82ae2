import type { Cell } from './layout.ts';

/** Encoded bytes that one generation holds, and what an entry counts besides them. */
const GENERATION_BYTES = 4 * 1024 * 1024;
const ENTRY_BYTES = 100;

/**
 * Parts as the store holds them, decoded: what a task has read or written lately. Whoever owns the store keeps the two the same,
 * and throws the cache away with the store. Values are never mutated, so that they can be handed out again and again. Two
 * generations: what is asked for moves to the young one, and what nobody asked for while that filled up is forgotten.
 */
export class CellCache {
  #young = new Map<string, Cell | null>();
  #old = new Map<string, Cell | null>();
  #bytes = 0;

  /** null: the store has no such part; undefined: not known here. */
  get(id: string): Cell | null | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    // Counted as if it were small: what is in use does not have to be measured again.
    if (old !== undefined) this.set(id, old, 0);
    return old;
  }

  /** `bytes`: of the encoded value. */
  set(id: string, cell: Cell | null, bytes: number): void {
    this.#young.set(id, cell);
    this.#bytes += bytes + ENTRY_BYTES;
    if (this.#bytes < GENERATION_BYTES) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}
