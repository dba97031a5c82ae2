/** Which records have been taken in and which are dealt with: a partition has been read up to the first that is not. */
export class Window {
  readonly #open = new Map<number, Set<number>>();
  readonly #next = new Map<number, number>();
  #size = 0;

  begin(partition: number, offset: number): void {
    this.#next.set(partition, offset);
    this.#open.set(partition, new Set());
  }

  take(partition: number, offset: number): void {
    this.#open.get(partition)?.add(offset);
    this.#next.set(partition, offset + 1);
    this.#size += 1;
  }

  finish(partition: number, offset: number): void {
    if (this.#open.get(partition)?.delete(offset) === true) this.#size -= 1;
  }

  /** Records taken in and not dealt with. */
  get size(): number {
    return this.#size;
  }

  /** Next offset by partition. */
  offsets(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#next].map(([partition, next]) => {
        // Offsets were added in ascending order.
        const [first] = this.#open.get(partition) ?? [];
        return [String(partition), first ?? next];
      }),
    );
  }
}
