/** What can go wrong with the feeds of the shop, on demand. */
export const troubleKinds = ['stock', 'orders'] as const;
export type TroubleKind = (typeof troubleKinds)[number];

/** stock: counts break off. orders: the line of the till is down, and what it has to tell waits. */
export class Troubles {
  readonly #now = new Set<TroubleKind>();
  #mended = (): void => undefined;

  has(kind: TroubleKind): boolean {
    return this.#now.has(kind);
  }

  set(kind: TroubleKind, is: boolean): void {
    if (is) this.#now.add(kind);
    else this.#now.delete(kind);
    if (!is) this.#mended();
  }

  /** Resolves when the trouble is over, or once the signal comes. */
  async over(kind: TroubleKind, signal: AbortSignal): Promise<void> {
    while (this.has(kind) && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const before = this.#mended;
        this.#mended = () => {
          this.#mended = () => undefined;
          before();
          resolve();
        };
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}
