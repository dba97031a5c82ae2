/** How a batch of a source ends. */
export type BatchEnd =
  /** A record says so; without it the batch is never complete. */
  | { readonly kind: 'marker' }
  /** The first record of the next batch. */
  | { readonly kind: 'next' }
  /** Nothing more of it for so long, or the first record of the next one. */
  | { readonly kind: 'quiet'; readonly quietMs: number };

/** What a record says of its batch. */
export interface BatchWord {
  /** As of when the source vouches for the batch, event time; it tells one batch from another. */
  readonly asOf: number;
  /** Broker time of the record. */
  readonly at: number;
  /** It is the last of its batch. */
  readonly ends: boolean;
}

/** What a task has read of the batches of a source: as-ofs in event time, the rest in broker time. -Infinity: none. */
export interface BatchMark {
  /** Newest as-of, and broker time of its first and its last record. */
  readonly newest: number;
  readonly from: number;
  readonly upTo: number;
  /** As-of of the batch before. */
  readonly before: number;
  /** As-of of the last batch whose end was told, and when that was. */
  readonly ended: number;
  readonly endedAt: number;
}

/**
 * A record is stamped before it is acknowledged: so long after the end of a batch its other records may still come to
 * light, milliseconds of broker time.
 */
export const STRAGGLERS_MS = 5000;

const none = Number.NEGATIVE_INFINITY;
const fields = ['newest', 'from', 'upTo', 'before', 'ended', 'endedAt'] as const;

/** The mark after one more record. The same batch again moves nothing but the time of its last record. */
export function withWord(mark: BatchMark | undefined, { asOf, at, ends }: BatchWord): BatchMark {
  const word = { newest: asOf, from: at, upTo: at, before: none, ended: ends ? asOf : none, endedAt: ends ? at : none };
  return mergeBatches(mark, word) ?? word;
}

/** Both together, whatever the order. */
export function mergeBatches(one: BatchMark | undefined, other: BatchMark | undefined): BatchMark | undefined {
  if (!one || !other) return one ?? other;
  const newer = one.newest >= other.newest ? one : other;
  const older = newer === one ? other : one;
  const isSame = one.newest === other.newest;
  const ended = one.ended === other.ended ? (one.endedAt <= other.endedAt ? one : other) : one.ended > other.ended ? one : other;
  return {
    newest: newer.newest,
    from: isSame ? Math.min(one.from, other.from) : newer.from,
    upTo: isSame ? Math.max(one.upTo, other.upTo) : newer.upTo,
    before: Math.max(one.before, other.before, isSame ? none : older.newest),
    ended: ended.ended,
    endedAt: ended.endedAt,
  };
}

/**
 * As-of of the last batch that is known to be complete, -Infinity: none. `drained`: everything up to this broker time has
 * been read by all tasks whose marks these are.
 */
export function completeUpTo(marks: readonly BatchMark[], drained: number, ends: BatchEnd): number {
  const settled = drained - STRAGGLERS_MS;
  if (ends.kind === 'marker')
    return Math.max(none, ...marks.filter(({ endedAt }) => endedAt < settled).map(({ ended }) => ended));
  const newest = Math.max(none, ...marks.map((mark) => mark.newest));
  const current = marks.filter((mark) => mark.newest === newest);
  if (ends.kind === 'quiet') {
    const last = Math.max(none, ...current.map(({ upTo }) => upTo));
    if (last < drained - Math.max(ends.quietMs, STRAGGLERS_MS)) return newest;
  }
  const began = Math.min(Number.POSITIVE_INFINITY, ...current.map(({ from }) => from));
  if (began >= settled) return none;
  return Math.max(none, ...marks.map((mark) => (mark.newest < newest ? mark.newest : mark.before)));
}

/** As text without commas, for the control topic. */
export function batchText(mark: BatchMark): string {
  return fields.map((field) => mark[field]).join(' ');
}

export function batchFromText(text: string): BatchMark | undefined {
  const values = text.split(' ').map(Number);
  if (values.length !== fields.length || values.some(Number.isNaN)) return undefined;
  const [newest = none, from = none, upTo = none, before = none, ended = none, endedAt = none] = values;
  return { newest, from, upTo, before, ended, endedAt };
}
