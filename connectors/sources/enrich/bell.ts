/** Wakes whoever waits for something to have happened. */
export class Bell {
  #ring = (): void => undefined;
  #rung = this.#next();

  /** Resolves with the next ring. To be asked for before looking whether there is anything to do. */
  get rung(): Promise<void> {
    return this.#rung;
  }

  ring(): void {
    const ring = this.#ring;
    this.#rung = this.#next();
    ring();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => (this.#ring = resolve));
  }
}
