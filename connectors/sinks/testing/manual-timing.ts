import { setImmediate as turn } from 'node:timers/promises';
import type { Timing } from '../contract.ts';

/** Time moved by hand, for tests: sleepers wake when it reaches them. */
export class ManualTiming implements Timing {
  #now: number;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  /** How many turns of the event loop may pass before nothing more is expected without time moving on. */
  turns = 50;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { at: this.#now + ms, wake: () => done() };
      const done = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', done);
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers.filter(({ at }) => at <= this.#now)) sleeper.wake();
  }

  /** Lets everything run, moving on to the next sleeper whenever nothing else happens, until `reached`; gives up after `limitMs`. */
  async until(reached: () => boolean, limitMs = 3_600_000): Promise<void> {
    const end = this.#now + limitMs;
    for (;;) {
      for (let i = 0; i < this.turns; i++) {
        if (i % 10 === 0 && reached()) return;
        await turn();
      }
      const next = this.#sleepers.reduce((least, { at }) => Math.min(least, at), Infinity);
      if (next > end) throw new Error(`not reached within ${limitMs} ms of manual time`);
      this.advance(next - this.#now);
    }
  }
}
