/** What goes wrong on purpose. Same seed and same calls, same order of events. */
export interface Nastiness {
  readonly seed: number;
  /** EndTxn is answered before its markers are written. */
  readonly lateMarkers?: boolean;
  /** Plain producers keep records back before they write them (order per partition stays). */
  readonly linger?: boolean;
  /** Fetches see an old high watermark: less than `endOffsets` says, for a while. */
  readonly staleHighWatermark?: boolean;
  /** Fetches are answered late. */
  readonly delayedDelivery?: boolean;
  /** Answers to produce and transaction requests come late: readers see the records before the writer knows. */
  readonly lateAnswers?: boolean;
  /** Longest delay, in turns of the event loop. Default 5. */
  readonly maxTurns?: number;
}

type Trouble = Exclude<keyof Nastiness, 'seed' | 'maxTurns'>;

/** The broker's sense of time: turns of the event loop (setImmediate), never timers. */
export class Schedule {
  #random: () => number = () => 0;
  #nastiness: Nastiness | undefined;
  #pending = 0;

  constructor(nastiness: Nastiness | undefined) {
    this.nastiness = nastiness;
  }

  get nastiness(): Nastiness | undefined {
    return this.#nastiness;
  }

  set nastiness(nastiness: Nastiness | undefined) {
    this.#nastiness = nastiness;
    if (nastiness !== undefined) this.#random = mulberry32(nastiness.seed);
  }

  /** How many turns this trouble costs now; 0 where it is switched off. */
  turns(trouble: Trouble): number {
    const nastiness = this.#nastiness;
    if (nastiness?.[trouble] !== true) return 0;
    return Math.floor(this.#random() * ((nastiness.maxTurns ?? 5) + 1));
  }

  /** Runs `work` after so many turns; at once when 0. */
  after(turns: number, work: () => void): void {
    if (turns === 0) return work();
    this.#pending++;
    setImmediate(() => {
      this.#pending--;
      this.after(turns - 1, work);
    });
  }

  wait(turns: number): Promise<void> {
    return new Promise((resolve) => this.after(turns, resolve));
  }

  /** Resolves when nothing is on its way any more: markers, lingering records, deliveries. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet = this.#pending === 0 ? quiet + 1 : 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
