import type { BatchEnd, BatchMark } from './source-batches.ts';

/** How far a source has come: everything up to `at` (epoch ms) has passed; -Infinity: nothing yet. */
export interface Reach {
  readonly at: number;
  /** Nothing more will come of it: `at` is its last moment. */
  readonly ended: boolean;
}

/**
 * Progress is claimed, never inferred from clocks of ours. A claim (stage, task, source, at) is a fact that stays true:
 * everything of the source up to `at` that will ever pass this task has been processed, and its results are acknowledged.
 * Claims lie on one small compacted topic that every process reads whole; readers take the greatest per key.
 *
 * feed (gateway, file reader) -> tag-freshness -> source clock (watch-sources) -> stitch-identity -> customers, detect-fraud
 */
export interface Claim {
  /** `feed`, `source`, or the name of a processor. */
  readonly stage: string;
  /** Instance of a feed, or the partition of a task. */
  readonly task: string;
  readonly source: string;
  /**
   * From `feed` and the first processor: broker time (epoch ms) up to which everything received has been handed on, or,
   * of a source with a stated clock, event time. From `source` on: event time.
   */
  readonly at: number;
  /** The source has ended at `at`: it leaves every minimum. The newest claim of a key says whether it still holds. */
  readonly ended?: boolean;
  /** Broker time of the newest sign of life of the source, where known. */
  readonly sign?: number;
  /** What a task of the first processor has read of the batches of the source. */
  readonly batch?: BatchMark;
}

/** What proves that a source lives, and so what moves its clock. */
export type Liveness =
  /** The feeds vouch for it by claims at least once a second; without them the clock holds. */
  | { readonly kind: 'heartbeat' }
  /** Nobody vouches: drained and heard of within `patienceMs` (Infinity: whenever drained) counts as living. */
  | { readonly kind: 'idle-after'; readonly patienceMs: number }
  /** The feed states event time: files and replays. */
  | { readonly kind: 'stated' }
  /** Only the as-of of a batch that is complete moves it; `vouched`: its feed claims what it has handed on. */
  | { readonly kind: 'batch'; readonly ends: BatchEnd; readonly vouched: boolean };

/** A link of the chain before a source. */
export interface Feeder {
  readonly name: string;
  /** Up to when its facts are in what the source vouches for at `at`, event time. */
  readonly upTo: (at: number) => number;
  /** It is a source itself, whose own watermark limits as well. */
  readonly isSource: boolean;
}

/** What the runtime needs to know of a source. */
export interface SourceClock {
  readonly source: string;
  readonly liveness: Liveness;
  /** How much later than its broker time an event may have occurred and still be counted in. Not used for stated clocks. */
  readonly latenessMs: number;
  /** It may never be fed (history that is loaded once, or not at all): until a feed of it is heard of it counts as ended. */
  readonly optional?: boolean;
  /** What feeds it: its facts are never fresher than the slowest of these. */
  readonly feeders?: readonly Feeder[];
}

/**
 * What a feed tells the runtime, so that watermarks cover what is still in its hands.
 * The implementation reads ticks (append times of the control topic), so clocks of processes play no part.
 */
export interface Feed {
  /** A request or batch has come in; call the result once it is answered: acknowledged, or refused for good. */
  begin(): () => void;
  /** For sources with a stated clock: everything with event time up to `upTo` has been acknowledged. +Infinity: ended. */
  state(source: string, upTo: number): void;
  /** Clean exit: what was begun must be finished. Sources of a heartbeat feed stop being vouched for. */
  close(): Promise<void>;
}
