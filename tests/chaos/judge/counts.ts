/** The counters of a run; RELIABILITY calls them by these names. */
export const counters = ['lost', 'duplicated', 'out-of-order', 'aborted-reads', 'state-diff', 'membership-diff'] as const;
export type Counter = (typeof counters)[number];

/** Counts violations, by counter and by what they are, and keeps an example of each. */
export class Counts {
  readonly #found = new Map<string, { readonly counter: Counter; count: number; readonly example: string }>();

  add(counter: Counter, what: string, example: string, by = 1): void {
    if (by === 0) return;
    const id = `${counter}: ${what}`;
    const known = this.#found.get(id);
    if (known) known.count += by;
    else this.#found.set(id, { counter, count: by, example });
  }

  of(counter: Counter): number {
    return [...this.#found.values()].reduce((sum, each) => sum + (each.counter === counter ? each.count : 0), 0);
  }

  get spotless(): boolean {
    return this.#found.size === 0;
  }

  /** A line for each kind of violation. */
  lines(): string[] {
    return [...this.#found].map(([id, { count, example }]) => `${id}: ${count}, such as ${example}`);
  }

  /** `lost 0, duplicated 0, …` */
  summary(): string {
    return counters.map((counter) => `${counter} ${this.of(counter)}`).join(', ');
  }
}
