import { TICK } from '../processor.ts';
import type { Reach } from './contract.ts';
import { type BatchMark, type BatchWord, withWord } from './source-batches.ts';

/** What could be adopted once everything up to `ends` has been read and processed. Values by source, ends by input (`tpKey`, physical). */
export interface Offer {
  readonly values: ReadonlyMap<string, Reach>;
  readonly ends: ReadonlyMap<string, number>;
}

const unknown: Reach = { at: Number.NEGATIVE_INFINITY, ended: false };

/**
 * The watermarks of one task. An offer holds the upstream claims as they were read *before* the ends of the inputs were
 * asked for; when the task has read that far, what was claimed has passed it, and the offer becomes its watermarks.
 */
export class TaskWatermarks {
  readonly #adopted = new Map<string, Reach>();
  readonly #clocks = new Map<string, number>();
  readonly #batches = new Map<string, BatchMark>();
  readonly #tick: () => number;
  #offer: Offer | undefined;

  constructor(tick: () => number) {
    this.#tick = tick;
  }

  restore(adopted: Readonly<Record<string, Reach>>, batches: Readonly<Record<string, BatchMark>> = {}): void {
    this.#adopted.clear();
    for (const [source, reach] of Object.entries(adopted)) this.#adopted.set(source, reach);
    this.#batches.clear();
    for (const [source, mark] of Object.entries(batches)) this.#batches.set(source, mark);
    this.#clocks.clear();
    this.#offer = undefined;
  }

  /** A record of a source that comes in batches was processed. */
  vouch(source: string, word: BatchWord): void {
    this.#batches.set(source, withWord(this.#batches.get(source), word));
  }

  /** What was read of the batches of a source. */
  batch(source: string): BatchMark | undefined {
    return this.#batches.get(source);
  }

  /** All of them, to be kept with the position; nothing where no source comes in batches. */
  batches(): { readonly batches?: Readonly<Record<string, BatchMark>> } {
    return this.#batches.size === 0 ? {} : { batches: Object.fromEntries(this.#batches) };
  }

  snapshot(): Record<string, Reach> {
    return Object.fromEntries(this.#adopted);
  }

  get adopted(): ReadonlyMap<string, Reach> {
    return this.#adopted;
  }

  /** Whether an offer would say anything new; one that is being worked towards is not replaced. */
  wants(values: ReadonlyMap<string, Reach>): boolean {
    if (this.#offer) return false;
    for (const [source, reach] of values) if (this.#isNews(source, reach)) return true;
    return false;
  }

  /** What the offer being worked towards says of a source. */
  offered(source: string): Reach | undefined {
    return this.#offer?.values.get(source);
  }

  offer(offer: Offer): void {
    this.#offer ??= offer;
  }

  /** Adopts the offer if all inputs have been read to its ends. True if a watermark moved. */
  adopt(position: (input: string) => number): boolean {
    const offer = this.#offer;
    if (!offer) return false;
    for (const [input, end] of offer.ends) if (position(input) < end) return false;
    this.#offer = undefined;
    let moved = false;
    for (const [source, reach] of offer.values) {
      if (!this.#isNews(source, reach)) continue;
      this.#adopted.set(source, { at: Math.max(this.#reach(source).at, reach.at), ended: reach.ended });
      moved = true;
    }
    if (moved) this.#clocks.clear();
    return moved;
  }

  /** The watermark of a source; +Infinity once it has ended. */
  source(source: string): number {
    const { at, ended } = this.#reach(source);
    return ended ? Number.POSITIVE_INFINITY : at;
  }

  /** The last moment of a source that has ended; undefined while it goes on. */
  endOf(source: string): number | undefined {
    const { at, ended } = this.#reach(source);
    return ended ? at : undefined;
  }

  /** The minimum over the sources of a clock that go on. When all have ended it stands at the last moment of the last. */
  clock(name: string): number {
    if (name === TICK) return this.#tick();
    const known = this.#clocks.get(name);
    if (known !== undefined) return known;
    const reaches = name.split('+').map((source) => this.#reach(source));
    const living = reaches.filter(({ ended }) => !ended);
    const at = living.length > 0 ? Math.min(...living.map((reach) => reach.at)) : Math.max(...reaches.map((reach) => reach.at));
    this.#clocks.set(name, at);
    return at;
  }

  #reach(source: string): Reach {
    return this.#adopted.get(source) ?? unknown;
  }

  #isNews(source: string, { at, ended }: Reach): boolean {
    const known = this.#reach(source);
    return at > known.at || ended !== known.ended;
  }
}
