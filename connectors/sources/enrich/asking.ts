import type { EnrichOptions } from './options.ts';
import type { Kept } from './state.ts';

/** How a question ended. */
export type Ended =
  | { readonly kind: 'answered'; readonly kept: Kept }
  | { readonly kind: 'over_budget' }
  /** `isOfKey`: others may be answered all the same. */
  | { readonly kind: 'given_up'; readonly isOfKey: boolean };

/** A question on its way. */
export interface OnItsWay {
  readonly key: string;
  /** When the call under way was begun, broker time; undefined: none is. */
  startedAt: number | undefined;
}

const LONGEST_PAUSE_MS = 60_000;

/**
 * Puts questions to the other side: within the budget, again and later where it is busy or away, and nobody before the time that
 * it asks for. One for each source.
 */
export class Asking {
  readonly #options: EnrichOptions;
  #period: { since: number; calls: number };
  #notBefore = Number.NEGATIVE_INFINITY;
  #toldOver = Number.NaN;
  #failingSince: number | undefined;

  constructor(options: EnrichOptions, period = { since: 0, calls: 0 }) {
    this.#options = options;
    this.#period = { ...period };
  }

  /** Calls of the period. */
  get period(): { readonly since: number; readonly calls: number } {
    return { ...this.#period };
  }

  /** Since when questions have been given up, none having been answered; undefined: the last one was. Broker time. */
  get failingSince(): number | undefined {
    return this.#failingSince;
  }

  /** Rejects only by the signal. */
  async ask(question: OnItsWay): Promise<Ended> {
    const { source, enrich, call, tick, metrics, signal, monotonic, log } = this.#options;
    let why = '';
    let firstAt: number | undefined;
    for (let attempt = 1; attempt <= enrich.attempts; attempt++) {
      await this.#turn();
      signal.throwIfAborted();
      if (!this.#spend()) return { kind: 'over_budget' };
      const askedAt = tick();
      question.startedAt = askedAt;
      firstAt ??= askedAt;
      const began = monotonic();
      const called = await call(question.key, signal);
      metrics.called(source.name, called.outcome, (monotonic() - began) / 1000);
      if (called.kind === 'answer') {
        this.#failingSince = undefined;
        return { kind: 'answered', kept: { answer: called.answer, askedAt } };
      }
      ({ why } = called);
      if (called.kind === 'refused' && called.isOfKey) {
        log('warn', 'an enrichment does not answer a question', { source: source.name, why });
        this.#failingSince = undefined;
        return { kind: 'given_up', isOfKey: true };
      }
      if (called.kind === 'refused') break;
      if (called.afterMs !== undefined) this.#notBefore = Math.max(this.#notBefore, monotonic() + called.afterMs);
      if (attempt < enrich.attempts) await this.#options.wait(this.#pause(attempt), signal);
    }
    this.#giveUp(firstAt ?? tick(), why);
    return { kind: 'given_up', isOfKey: false };
  }

  /** Waits until the other side wants to be asked again. */
  async #turn(): Promise<void> {
    const { monotonic, signal, wait } = this.#options;
    for (let ms = this.#notBefore - monotonic(); ms > 0 && !signal.aborted; ms = this.#notBefore - monotonic())
      await wait(Math.ceil(ms), signal);
  }

  /** False: all calls of the period have been made. */
  #spend(): boolean {
    const { enrich, source, log, tick } = this.#options;
    const { calls, perMs } = enrich.budget;
    const since = Math.floor(tick() / perMs) * perMs;
    if (since > this.#period.since) this.#period = { since, calls: 0 };
    if (this.#period.calls < calls) {
      this.#period.calls += 1;
      return true;
    }
    if (this.#toldOver !== this.#period.since)
      log('warn', 'the budget of an enrichment is spent', { source: source.name, calls, until: this.#period.since + perMs });
    this.#toldOver = this.#period.since;
    return false;
  }

  #pause(attempt: number): number {
    const { firstPauseMs = 500, random = Math.random } = this.#options;
    return Math.round(Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** (attempt - 1)) * (0.5 + random() / 2));
  }

  #giveUp(at: number, why: string): void {
    const { source, log } = this.#options;
    if (this.#failingSince === undefined) log('warn', 'an enrichment is not answered', { source: source.name, why });
    this.#failingSince ??= at;
  }
}
