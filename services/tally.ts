import type { Counted } from './views.ts';

/** Counts by reason, for at most so many reasons; the rest go together. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(reason: string): void {
    const key = this.#counts.has(reason) || this.#counts.size < this.#limit ? reason : 'other';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** The most frequent first. */
  top(n: number): readonly Counted[] {
    const all = [...this.#counts].map(([reason, count]) => ({ reason, count }));
    return all.sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)).slice(0, n);
  }
}

/** The last values by id: one that is put again keeps its id but becomes the newest. */
export class Recent<V> {
  readonly #values = new Map<string, V>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  put(id: string, value: V): void {
    this.#values.delete(id);
    this.#values.set(id, value);
    if (this.#values.size <= this.#limit) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  get(id: string): V | undefined {
    return this.#values.get(id);
  }

  /** Whether it was there. */
  delete(id: string): boolean {
    return this.#values.delete(id);
  }

  values(): readonly V[] {
    return [...this.#values.values()];
  }
}

/** By time, newest first; of equal ones the last first. */
export function newest<V extends { readonly at: number }>(recent: Recent<V>, n: number): readonly V[] {
  const values = recent.values().toReversed();
  return values.sort((a, b) => b.at - a.at).slice(0, n);
}
