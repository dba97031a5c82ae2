/** Wall time in epoch milliseconds, injected wherever code outside `process` needs it. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock moved by hand, for tests and the topology test driver. */
export class ManualClock implements Clock {
  #now: number;
  constructor(now = 0) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
  set(now: number): void {
    this.#now = now;
  }
}
