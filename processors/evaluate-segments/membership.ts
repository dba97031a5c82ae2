import type { Due, KeyState } from '../../runtime/processor.ts';
import type { Position } from '../../schemas/generated/types.ts';

/** What was published of one segment, and up to when. Times are event time; null is never, or not yet. */
export interface Membership {
  readonly in: boolean;
  /** Sequence of the last change; 0 if there was none. */
  readonly seq: number;
  /** Up to here it has been decided; the clock of the segment may be further without anything to decide. */
  readonly decided: number | null;
  /** The next time at which it changes by what is known; due when the clock is there. */
  readonly next: number | null;
  /** Version of the rule by which it was decided, shortened. */
  readonly version: string;
  /** The segment was new to him at this broker time: steps up to then are of a time before it, whenever they are decided. */
  readonly begun?: number;
  /** Event time of the last entering that was published; undefined if he never entered, or before this was kept. */
  readonly since?: number;
}

/** Part `m`: the memberships of a customer. Segments that he never had to do with are not in it. */
export interface Memberships {
  readonly customer: string;
  /** Event time of the first event known of him. */
  readonly since: number;
  /** Counts his changes. */
  readonly seq: number;
  /** The last record that changed anything here. */
  readonly after: Position | null;
  readonly of: Readonly<Record<string, Membership>>;
  /** Generation of the rules that decided all this; left out while it is 0. */
  readonly rules?: number;
}

export const MEMBERSHIPS = 'm';
export const unknownCustomer: Memberships = { customer: '', since: Number.POSITIVE_INFINITY, seq: 0, after: null, of: {} };

export function readMemberships(state: KeyState): Memberships {
  return state.get<Memberships>(MEMBERSHIPS) ?? unknownCustomer;
}

/** Writes the part with one due for each clock: the earliest of its segments, and with `more`. `clockOf` is undefined for segments that are gone. */
export function writeMemberships(
  state: KeyState,
  memberships: Memberships,
  clockOf: (segment: string) => string | undefined,
  more: readonly Due[] = [],
): void {
  const earliest = new Map<string, number>();
  for (const [segment, { next }] of Object.entries(memberships.of)) {
    const clock = clockOf(segment);
    if (clock === undefined || next === null) continue;
    earliest.set(clock, Math.min(next, earliest.get(clock) ?? next));
  }
  const due: Due[] = [...[...earliest].map(([clock, at]) => ({ clock, at })), ...more];
  state.set(MEMBERSHIPS, memberships, { due });
}

/** Null for what JSON cannot hold. */
export function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}
