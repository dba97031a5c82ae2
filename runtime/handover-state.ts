import { type Context, type KeyState, REVISION, TICK, type Timer } from './processor.ts';
import { seededAt } from './revision-times.ts';

/** What a key knows of the handovers that it takes part in. */
export interface Handover {
  /** Losers whose state has yet to come. */
  readonly openings: readonly string[];
  /** Losers whose state came before their opening was read. */
  readonly early: readonly string[];
  readonly closing: Closing | null;
  readonly seals: readonly string[];
  readonly closedTo: string | null;
  /** Timers that came due while a state was on its way here. */
  readonly held: readonly Timer[];
  /** Of a key that was divided: heirs that have not said yet that they have what is theirs. */
  readonly awaits?: readonly string[];
  /** Keys that were divided and of which this one has had its share. */
  readonly seeded?: readonly string[];
}

/** How a key is to end: by a merge into the winner, or divided among heirs. */
export interface Closing {
  readonly winner: string;
  readonly members: readonly string[];
  readonly heirs?: readonly string[];
}

/** Parts beginning with this are the wrapper's. */
export const HANDOVER_PART = '~';
const HOLD = '~hold/';

const none: Handover = { openings: [], early: [], closing: null, seals: [], closedTo: null, held: [] };

export function readHandover({ state }: Context): Handover {
  return state.get<Handover>(HANDOVER_PART) ?? none;
}

/** Held timers ask to be woken as soon as nothing is awaited any more; their clocks have passed, so that is at once. */
export function writeHandover({ state }: Context, change: Partial<Handover>): void {
  const next: Handover = { ...(state.get<Handover>(HANDOVER_PART) ?? none), ...change };
  const { openings, early, closing, seals, closedTo, held, seeded = [] } = next;
  const known = openings.length + early.length + seals.length + held.length + seeded.length;
  if (closedTo === null && closing === null && known === 0) return state.delete(HANDOVER_PART);
  const isFree = openings.length === 0 && closing === null;
  state.set(HANDOVER_PART, next, isFree ? { due: held.map(({ clock, at }) => ({ clock, at })) } : {});
}

/** Timers may fire here. */
export function isSettled({ openings, closing, closedTo }: Handover): boolean {
  return openings.length === 0 && closing === null && closedTo === null;
}

/** The claims of `sources` stay where they are until `freeClaims`. */
export function capClaims(context: Context, sources: readonly string[]): void {
  for (const source of sources) {
    const watermark = context.watermark(source);
    if (watermark === Number.POSITIVE_INFINITY || context.state.get(HOLD + source) !== undefined) continue;
    // A hold caps the claim just below its time, and what has been claimed stays true.
    context.state.set(HOLD + source, finite(watermark), {
      hold: { source, at: Math.max(watermark + 1, Number.MIN_SAFE_INTEGER) },
    });
  }
}

export function freeClaims({ state }: Context, sources: readonly string[]): void {
  for (const source of sources) if (state.get(HOLD + source) !== undefined) state.delete(HOLD + source);
}

/** Part: records of a revision that were handed on and have not been answered. */
const AGAIN = '~again';

interface HandedOn {
  readonly revision: number;
  readonly count: number;
}

/** Counts a record that was handed on; until all are taken, the task does not claim that it is done with the revision. */
export function handedOn({ state }: Context, revision: number): void {
  const before = state.get<HandedOn>(AGAIN);
  const count = before?.revision === revision ? before.count + 1 : 1;
  writeHandedOn(state, { revision, count });
}

/** One of them has been taken in; answers to an earlier revision mean nothing any more. */
export function takenOn({ state }: Context, revision: number): void {
  const before = state.get<HandedOn>(AGAIN);
  if (before?.revision !== revision) return;
  if (before.count > 1) writeHandedOn(state, { revision, count: before.count - 1 });
  else state.delete(AGAIN);
}

function writeHandedOn(state: KeyState, handed: HandedOn): void {
  state.set(AGAIN, handed, { hold: { source: REVISION, at: seededAt(handed.revision) } });
}

/** Null for what is not known yet. */
function finite(watermark: number): number | null {
  return Number.isFinite(watermark) ? watermark : null;
}

/**
 * A context whose clocks stand where they stood when the first handover of the key began, for as long as one goes on: what is
 * on its way may say otherwise of any later time. Nothing changes for a key that is settled.
 */
export function standingStill(context: Context, sources: readonly string[]): Context {
  if (isSettled(readHandover(context))) return context;
  const watermark = (source: string): number => {
    // Rules are not changed under a state that is not whole; what is due for that is held as any other timer.
    if (source === REVISION) return Number.NEGATIVE_INFINITY;
    const held = sources.includes(source) ? context.state.get<number | null>(HOLD + source) : undefined;
    return held === undefined ? context.watermark(source) : (held ?? Number.NEGATIVE_INFINITY);
  };
  return {
    task: context.task,
    tick: context.tick,
    state: context.state,
    forward: (...args) => context.forward(...args),
    reject: (...args) => context.reject(...args),
    watermark,
    vouch: (...args) => context.vouch(...args),
    endOf: (source) => context.endOf(source),
    clock: (name) => (name === TICK ? context.tick : Math.min(context.clock(name), ...name.split('+').map(watermark))),
    count: (...args) => context.count(...args),
  };
}

/** A context in which a part that is written or deleted loses the timers held for it, as marks of an earlier write are forgotten. */
export function forgettingHeld(context: Context): Context {
  if (readHandover(context).held.length === 0) return context;
  const forget = (part: string): void => {
    const { held } = readHandover(context);
    if (held.some((timer) => timer.part === part)) writeHandover(context, { held: held.filter((timer) => timer.part !== part) });
  };
  const { state } = context;
  const forgetting: KeyState = {
    get: (part) => state.get(part),
    parts: () => state.parts(),
    set: (part, value, marks) => {
      forget(part);
      state.set(part, value, marks);
    },
    delete: (part) => {
      forget(part);
      state.delete(part);
    },
  };
  return {
    task: context.task,
    tick: context.tick,
    state: forgetting,
    forward: (...args) => context.forward(...args),
    reject: (...args) => context.reject(...args),
    watermark: (source) => context.watermark(source),
    vouch: (...args) => context.vouch(...args),
    endOf: (source) => context.endOf(source),
    clock: (name) => context.clock(name),
    count: (...args) => context.count(...args),
  };
}
