import type { KeyState } from '../../runtime/processor.ts';
import { TICK } from '../../runtime/processor.ts';
import type { TableInterest } from '../../schemas/config.ts';
import type { Identifier } from '../../schemas/generated/types.ts';

/** Who is interested in a row, and since when last. */
export interface Interested {
  /** Opaque key of the identifier. */
  readonly who: string;
  readonly identifier: Identifier;
  readonly at: number;
}

/** Parts `i<shard>`: those who are interested, in shards, so that a view rewrites few of them and a change is told in pages. */
const PREFIX = 'i';
const PER_SHARD = 100;

export const isInterestPart = (part: string): boolean => part.startsWith(PREFIX);

/** The part in which somebody's interest lies. */
export function interestPart({ most }: TableInterest, who: string): string {
  const shards = Math.max(1, Math.ceil(most / PER_SHARD));
  let hash = 0;
  for (let i = 0; i < who.length; i++) hash = (hash * 31 + who.charCodeAt(i)) % 1_000_003;
  return `${PREFIX}${hash % shards}`;
}

export function readInterest(state: KeyState, part: string): readonly Interested[] {
  return state.get<readonly Interested[]>(part) ?? [];
}

/** What came of an interest. `new`: there was none before, or it had ended. */
export interface Noted {
  readonly isNew: boolean;
  /** So many were left out, since there are too many. */
  readonly dropped: number;
}

/** Notes an interest; the oldest give way where there are too many. */
export function noteInterest(state: KeyState, interest: TableInterest, one: Interested, tick: number): Noted {
  const part = interestPart(interest, one.who);
  const known = readInterest(state, part);
  const before = known.find(({ who }) => who === one.who);
  const isNew = before === undefined || before.at + interest.withinMs < one.at;
  if (one.at + interest.withinMs < tick || (before !== undefined && before.at >= one.at)) return { isNew: false, dropped: 0 };
  const others = known.filter(({ who, at }) => who !== one.who && at + interest.withinMs >= tick);
  const all = [...others, one].toSorted((a, b) => b.at - a.at || (a.who < b.who ? -1 : 1));
  const room = Math.min(PER_SHARD, interest.most);
  keepInterest(state, part, all.slice(0, room), interest);
  return { isNew, dropped: Math.max(0, all.length - room) };
}

/** Writes them with the moment at which the last one's interest ends. */
export function keepInterest(state: KeyState, part: string, all: readonly Interested[], { withinMs }: TableInterest): void {
  if (all.length === 0) return state.delete(part);
  const ends = Math.max(...all.map(({ at }) => at)) + withinMs;
  state.set(part, all, { due: [{ clock: TICK, at: ends + 1 }] });
}
