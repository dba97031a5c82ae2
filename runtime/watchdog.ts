/** A task that has something to do and does nothing of it for this long is torn down, milliseconds. */
export const PATIENCE_MS = 60_000;
const MOST_PATIENCE = 10;

/**
 * Notices when nothing comes of the work of a task. It is told now and then whether there is work and how far the task has
 * come; what does not move for as long as the patience lasts, though there was work all the time, has stalled. Each time
 * that it says so it waits longer for the next, until something has moved.
 */
export class Watchdog {
  readonly #patienceMs: number;
  #mark: string | undefined;
  #since = 0;
  #stalls = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** `mark`: anything that changes with progress. True: it has stalled; the count begins anew. Times of a monotonic clock. */
  stalled(work: boolean, mark: string, now: number): boolean {
    if (this.#mark !== undefined && mark !== this.#mark) this.#stalls = 0;
    if (!work || mark !== this.#mark) {
      this.#mark = mark;
      this.#since = now;
      return false;
    }
    if (now - this.#since < this.#patienceMs * Math.min(this.#stalls + 1, MOST_PATIENCE)) return false;
    this.#stalls += 1;
    this.#since = now;
    return true;
  }

  /** How often in a row it has stalled, without any progress since. */
  get stalls(): number {
    return this.#stalls;
  }
}
