import { type Context, type Due, TICK } from '../../runtime/processor.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import type { Stale } from './freshness.ts';

/** A message that waits until its facts are fresh enough, or until it is no longer valid. */
export interface Held {
  /** Of the message, whoever its customer has become. */
  readonly id: string;
  readonly activation: string;
  readonly change: MembershipChange;
  /** Broker time of the first decision, epoch milliseconds; it expires by this, not by its release. */
  readonly decidedAt: number;
  readonly expiresAt: number;
  /** Sources it waits for, and up to when each must have been seen to ask again. */
  readonly waitsFor: readonly Due[];
}

/** Part `h`: the held messages of a customer, in the order of their changes. */
export const HELD = 'h';

export function readHeld(context: Context): readonly Held[] {
  return context.state.get<readonly Held[]>(HELD) ?? [];
}

/**
 * Writes what is held with the moments at which it is to be judged again: when a source that it waits for has come as far
 * as was asked for, or when it expires. Nobody asks in between.
 */
export function keepHeld(context: Context, before: readonly Held[], after: readonly Held[]): void {
  if (after === before || (after.length === 0 && before.length === 0)) return;
  if (after.length === 0) return context.state.delete(HELD);
  const ordered = [...after].sort((a, b) => a.change.sequence - b.change.sequence);
  context.state.set(HELD, ordered, { due: distinct(ordered.flatMap(dues)) });
}

/** From when on a source can meet its demand, seen from now. */
export function waitsFor(stale: readonly Stale[], tick: number): readonly Due[] {
  return stale.map(({ source, maxAgeMs }) => ({ clock: source, at: tick - maxAgeMs }));
}

function dues({ waitsFor: sources, expiresAt }: Held): Due[] {
  return [...sources, { clock: TICK, at: expiresAt }];
}

function distinct(all: readonly Due[]): Due[] {
  return [...new Map(all.map((due) => [`${due.clock} ${due.at}`, due])).values()];
}
