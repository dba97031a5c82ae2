import type { Context, KeyState } from '../../runtime/processor.ts';
import { reached } from './clocks.ts';
import { decidedUpTo } from './decide.ts';
import type { Memberships } from './membership.ts';
import type { Leaf } from './operator.ts';
import { leafPart, type PlannedSegment } from './plan.ts';
import type { Facts } from './proof.ts';

/** Part `l<hash>`: the state of one leaf, and as of when the newest fact of each source in it holds. */
export interface LeafPart {
  readonly state: unknown;
  readonly facts: Facts;
  /** While it is being made from what is retained: events taken in, none of which has been forgotten. */
  readonly whole?: number;
}

/** Of so many events of one customer a leaf that is being made forgets what one that is kept would forget. */
const WHOLE_AT_MOST = 5000;

export function readLeaf(state: Pick<KeyState, 'get'>, hash: string): LeafPart | undefined {
  return state.get<LeafPart>(leafPart(hash));
}

/** The newest fact of each source in the leaves of a segment. */
export function factsOf({ segment }: PlannedSegment, state: KeyState): Facts {
  return newestFacts(segment.leaves.map(({ hash }) => readLeaf(state, hash)?.facts ?? {}));
}

export function newestFacts(all: readonly Facts[]): Facts {
  const newest: Record<string, number> = {};
  for (const facts of all)
    for (const [source, asOf] of Object.entries(facts)) newest[source] = Math.max(asOf, newest[source] ?? asOf);
  return newest;
}

/**
 * No segment that uses the leaf will ask for an earlier time than this: what was decided, by the clock and not ahead of it, less
 * the lateness, so that what comes late can still be counted in.
 */
export function horizonOf(users: readonly PlannedSegment[], memberships: Memberships, context: Context): number {
  const asked = ({ segment, clock }: PlannedSegment): number => {
    const at = reached(clock, context);
    return Math.min(at, decidedUpTo({ before: memberships.of[segment.key], reached: at })) - clock.slackMs;
  };
  return Math.min(...users.map(asked));
}

/**
 * Writes the state of a leaf that is being made: what came before may yet come, so it is kept whole. Only of very many events what lies
 * behind the horizon goes all the same.
 */
export function writeWhole(state: KeyState, hash: string, leaf: Leaf, part: LeafPart, horizon: number): void {
  const whole = (part.whole ?? 0) + 1;
  writeLeaf(state, hash, leaf, { ...part, whole }, whole % WHOLE_AT_MOST === 0 ? horizon : Number.NEGATIVE_INFINITY);
}

/** Writes the state of a leaf, without what lies behind the horizon. */
export function writeLeaf(state: KeyState, hash: string, leaf: Leaf, part: LeafPart, horizon: number): void {
  const pruned = Number.isFinite(horizon) ? leaf.prune(part.state, horizon) : part.state;
  state.set(leafPart(hash), { ...part, state: pruned });
}
