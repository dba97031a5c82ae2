import type { Cause } from '../../schemas/generated/types.ts';
import type { Loading } from './clocks.ts';
import { finite, type Membership } from './membership.ts';
import type { CompiledSegment } from './segment.ts';
import type { Timeline } from './timeline.ts';

/** A change of one membership, before it has its place among the customer's changes. */
export interface Decision {
  readonly segment: CompiledSegment;
  readonly enters: boolean;
  readonly effectiveAt: number;
  readonly cause: Pick<Cause, 'kind' | 'messageId' | 'event' | 'corrects'>;
}

/** What is known of one segment of a customer: how it was decided, and what the events say now. */
export interface Case {
  readonly segment: CompiledSegment;
  readonly before: Membership | undefined;
  readonly timeline: Timeline;
  /** How far the clock has come; -Infinity if it does not run. */
  readonly reached: number;
  /** The cause of every change at a time of which history is or was loaded. */
  readonly loading: Loading;
}

/** The event that brings a case up again. */
export interface Arrival {
  readonly messageId: string;
  readonly event: string;
  readonly occurredAt: number;
  readonly live: boolean;
}

export interface Outcome {
  readonly segment: CompiledSegment;
  readonly after: Membership;
  readonly decisions: readonly Decision[];
  /** The event came after its time had been decided. */
  readonly late: boolean;
  /** The segment is no more: nothing is kept of it. */
  readonly gone?: true;
}

/** Why a customer turns to other rules of a segment: they were edited, or the segment is new to him, by the broker time at hand. */
export type Turn = { readonly kind: 'rule-change' } | { readonly kind: 'seed'; readonly begun: number };

const never: Membership = { in: false, seq: 0, decided: null, next: null, version: '' };
const none = { messageId: null, event: null, corrects: null } as const;

/**
 * The time up to which a segment has been decided. The clock alone decides that nothing happened; while a step at or before it
 * still waits to be taken, up to that step. No leaf is asked of an earlier time again: its state may have been pruned up to here.
 */
export function decidedUpTo({ before, reached }: Pick<Case, 'before' | 'reached'>): number {
  const decided = before?.decided ?? Number.NEGATIVE_INFINITY;
  const waiting = before?.next ?? Number.POSITIVE_INFINITY;
  return Math.max(decided, Math.min(reached, waiting - 1));
}

/**
 * Decides what an event changes at once. At or before the decided time: a correction, if the membership at that time is another.
 * After it: the clock decides when it is there, but live and monotone rules (or eager ones) are decided on arrival.
 */
export function decideArrival(given: Case, arrival: Arrival): Outcome {
  const { segment, timeline, loading } = given;
  const before = given.before ?? never;
  const upTo = decidedUpTo(given);
  const late = arrival.occurredAt <= upTo;
  const holds = timeline.holds(upTo);
  if (holds !== before.in) {
    const edited = before.version !== '' && before.version !== shortVersion(segment);
    const effectiveAt = late ? timeline.lastStep(arrival.occurredAt, upTo) : upTo;
    const kind = loading(effectiveAt) ?? (edited ? 'rule-change' : 'correction');
    const cause = { kind, ...named(arrival), corrects: before.seq === 0 ? null : before.seq };
    return outcome(given, upTo, [{ segment, enters: holds, effectiveAt, cause }], late);
  }
  if (late || !arrival.live || loading(arrival.occurredAt) !== undefined) return outcome(given, upTo, [], late);
  if (segment.eager) {
    const decisions = steps(given, upTo, arrival.occurredAt);
    return outcome(given, decisions.at(-1)?.effectiveAt ?? upTo, decisions, late);
  }
  if (segment.monotone && !before.in) {
    const at = timeline.next(upTo, false);
    // The step may lie before the event that brings it up: then another made it.
    const cause = { kind: 'event', ...named(timeline.eventAt(at) ?? arrival), corrects: null };
    if (at !== Number.POSITIVE_INFINITY) return outcome(given, at, [{ segment, enters: true, effectiveAt: at, cause }], late);
  }
  return outcome(given, upTo, [], late);
}

/** Takes every step up to the clock. */
export function decideClock(given: Case): Outcome {
  const decided = decidedUpTo(given);
  return outcome(given, Math.max(decided, given.reached), steps(given, decided, given.reached), false);
}

/**
 * Decides what the state of another customer changes, who merged or of whom this one was split off, as of the time up to which
 * both have been decided. Steps that were held back meanwhile are left to the clock.
 */
export function decideMerge(given: Case, loser: Membership | undefined, kind: 'merge' | 'split' = 'merge'): Outcome {
  const { segment, before, timeline, reached } = given;
  const held = [before, loser].map((each) => each?.next ?? Number.POSITIVE_INFINITY).filter((next) => next <= reached);
  const decided = [before, loser].map((each) => each?.decided ?? Number.NEGATIVE_INFINITY);
  const upTo = Math.max(...decided, held.length > 0 ? Math.min(...held) - 1 : reached);
  const holds = timeline.holds(upTo);
  if (holds === (before?.in ?? false)) return outcome(given, upTo, [], false);
  return outcome(given, upTo, [{ segment, enters: holds, effectiveAt: upTo, cause: { kind, ...none } }], false);
}

/**
 * Decides what other rules say of the customer, as of the time up to which he was decided, or up to which any leaf of theirs may
 * have been pruned.
 */
export function decideTurn(given: Case, prunedUpTo: number, turn: Turn): Outcome {
  const { segment, before, timeline, reached } = given;
  const begin = (decided: Outcome): Outcome =>
    turn.kind === 'seed' ? { ...decided, after: { ...decided.after, begun: turn.begun } } : decided;
  const upTo = Math.max(before?.decided ?? Number.NEGATIVE_INFINITY, reached, prunedUpTo);
  const holds = timeline.holds(upTo);
  if (holds === (before?.in ?? false)) return begin(outcome(given, upTo, [], false));
  return begin(outcome(given, upTo, [{ segment, enters: holds, effectiveAt: upTo, cause: { kind: turn.kind, ...none } }], false));
}

function shortVersion({ version }: CompiledSegment): string {
  return version.slice(-8);
}

function steps({ segment, before, timeline, loading }: Case, after: number, upTo: number): Decision[] {
  const found: Decision[] = [];
  const { begun = Number.NEGATIVE_INFINITY } = before ?? never;
  let is = before?.in ?? false;
  for (let at = timeline.next(after, is); at <= upTo; at = timeline.next(at, is)) {
    is = !is;
    const event = timeline.eventAt(at);
    const kind = loading(at) ?? (at <= begun ? 'seed' : event === undefined ? 'timer' : 'event');
    found.push({
      segment,
      enters: is,
      effectiveAt: at,
      cause: { kind, ...(event === undefined ? none : named(event)), corrects: null },
    });
  }
  return found;
}

function outcome({ segment, before, timeline }: Case, upTo: number, decisions: readonly Decision[], late: boolean): Outcome {
  const is = decisions.at(-1)?.enters ?? before?.in ?? false;
  const next = finite(timeline.next(upTo, is));
  const begun = before?.begun === undefined ? {} : { begun: before.begun };
  const after = { in: is, seq: before?.seq ?? 0, decided: finite(upTo), next, version: shortVersion(segment), ...begun };
  return { segment, after, decisions, late };
}

function named({ messageId, event }: { messageId: string; event: string }): { messageId: string; event: string } {
  return { messageId, event };
}
