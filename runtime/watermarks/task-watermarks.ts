import { TICK } from '../processor.ts';

/** What could be adopted once everything up to `ends` has been read and processed. Values by source, ends by input (`tpKey`, physical). */
export interface Offer {
  readonly values: ReadonlyMap<string, number>;
  readonly ends: ReadonlyMap<string, number>;
}

/**
 * The watermarks of one task. An offer holds the upstream claims as they were read *before* the ends of the inputs were
 * asked for; when the task has read that far, what was claimed has passed it, and the offer becomes its watermarks.
 */
export class TaskWatermarks {
  readonly #adopted = new Map<string, number>();
  readonly #clocks = new Map<string, number>();
  #offer: Offer | undefined;
  #tick: () => number;

  constructor(tick: () => number) {
    this.#tick = tick;
  }

  restore(adopted: Readonly<Record<string, number>>): void {
    this.#adopted.clear();
    for (const [source, at] of Object.entries(adopted)) this.#adopted.set(source, at);
    this.#clocks.clear();
    this.#offer = undefined;
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(this.#adopted);
  }

  get adopted(): ReadonlyMap<string, number> {
    return this.#adopted;
  }

  /** Whether an offer would say anything new; one that is being worked towards is not replaced. */
  wants(values: ReadonlyMap<string, number>): boolean {
    if (this.#offer) return false;
    for (const [source, at] of values) if (at > this.source(source)) return true;
    return false;
  }

  /** What the offer being worked towards says of a source. */
  offered(source: string): number | undefined {
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
    for (const [source, at] of offer.values) {
      if (at <= this.source(source)) continue;
      this.#adopted.set(source, at);
      moved = true;
    }
    if (moved) this.#clocks.clear();
    return moved;
  }

  source(source: string): number {
    return this.#adopted.get(source) ?? Number.NEGATIVE_INFINITY;
  }

  clock(name: string): number {
    if (name === TICK) return this.#tick();
    const known = this.#clocks.get(name);
    if (known !== undefined) return known;
    let least = Number.POSITIVE_INFINITY;
    for (const source of name.split('+')) least = Math.min(least, this.source(source));
    this.#clocks.set(name, least);
    return least;
  }
}
