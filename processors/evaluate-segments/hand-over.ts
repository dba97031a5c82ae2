import type { Context } from '../../runtime/processor.ts';
import { caseOf } from './case.ts';
import { reached } from './clocks.ts';
import { decidedUpTo, decideMerge } from './decide.ts';
import { FIGURES, tellFigures, toldUpTo } from './figures.ts';
import { horizonOf, newestFacts, writeLeaf, type LeafPart } from './leaf-part.ts';
import { forgetMembers } from './members.ts';
import { finite, type Membership, MEMBERSHIPS, readMemberships, unknownCustomer, type Memberships } from './membership.ts';
import { leafPart, type Plan, type PlannedSegment } from './plan.ts';
import { mergeProfiles, PROFILE, take, type Profile } from './profile.ts';
import { publish, send } from './publish.ts';
import { turn } from './turn.ts';
import { inForce, isKnown, type Feed, type World } from './world.ts';

/** What the processor does when two customers turn out to be one, or one to be several; for `withHandover` of the runtime. */
export interface HandOver {
  /**
   * Takes the state of the customer `loserKey`, by part, into that of `key`, whose context it is, and decides anew. After a split it
   * is what the history says of `key`, and what the divided customer has left.
   */
  merge(key: string, loserKey: string, loser: Parts, context: Context, cause?: 'merge' | 'split'): void;
  /** Last words of the customer whose context it is: he leaves every segment. His state stays, to be handed over. */
  close(context: Context, cause?: 'merge' | 'split'): void;
  /** Last words of a customer who turned out to be several: he leaves every segment, and nothing but up to when each was decided. */
  divide(context: Context): void;
}

type Parts = ReadonlyMap<string, unknown>;

/** The state of two customers as that of one, but for what was published: profile, leaves, and since when he is known. Pure. */
export function mergeParts(plan: Pick<Plan, 'leaves'>, winner: Parts, loser: Parts): ReadonlyMap<string, unknown> {
  const merged = new Map(winner);
  const profile = loser.get(PROFILE) as Profile | undefined;
  if (profile !== undefined)
    merged.set(PROFILE, mergeProfiles((winner.get(PROFILE) as Profile | undefined) ?? { traits: {} }, profile));
  for (const [hash, leaf] of plan.leaves) {
    const theirs = loser.get(leafPart(hash)) as LeafPart | undefined;
    if (theirs === undefined) continue;
    const ours = (winner.get(leafPart(hash)) as LeafPart | undefined) ?? { state: leaf.empty, facts: {} };
    const part: LeafPart = { state: leaf.merge(ours.state, theirs.state), facts: newestFacts([ours.facts, theirs.facts]) };
    merged.set(leafPart(hash), part);
  }
  const ours = (winner.get(MEMBERSHIPS) as Memberships | undefined) ?? unknownCustomer;
  const theirs = (loser.get(MEMBERSHIPS) as Memberships | undefined) ?? unknownCustomer;
  merged.set(MEMBERSHIPS, { ...ours, since: Math.min(ours.since, theirs.since) });
  return merged;
}

/** Part of a divided customer: by segment, up to when it was decided; null: not at all. */
const DECIDED = 'D';

/** The memberships of a customer of whom another was split off: steps after what was decided are the heirs' to take. */
function leftBehind(parts: Parts): Memberships {
  const decided = (parts.get(DECIDED) as Readonly<Record<string, number | null>> | undefined) ?? {};
  const of = Object.entries(decided).map(([segment, at]): [string, Membership] => [
    segment,
    { in: false, seq: 0, decided: at, next: at === null ? null : at + 1, version: '' },
  ]);
  return { ...unknownCustomer, of: Object.fromEntries(of) };
}

export function handOver(world: World): HandOver {
  const own = ({ rules = 0 }: Memberships): Plan => world.plans.get(rules) ?? world.base;
  const close: HandOver['close'] = (context, kind = 'merge') => {
    const memberships = readMemberships(context.state);
    const { customer, seq, after, of } = memberships;
    const plan = own(memberships);
    const members = [...plan.segments.values()].filter(({ segment }) => !segment.shadow && of[segment.name]?.in === true);
    for (const [index, { segment, clock }] of members.entries()) {
      const effectiveAt = Math.max(of[segment.name]?.decided ?? 0, reached(clock, context));
      const cause = { kind, messageId: null, event: null, corrects: null };
      send({ segment, enters: false, effectiveAt, cause }, seq + index + 1, { customer, after, hops: [] }, plan, context);
    }
    if (seq > 0) forgetMembers(customer, context);
  };
  return {
    close,
    divide: (context) => {
      const memberships = readMemberships(context.state);
      const { of } = memberships;
      const plan = own(memberships);
      close(context, 'split');
      for (const part of context.state.parts()) context.state.delete(part);
      const decided = [...plan.segments.values()].map(({ segment, clock }) => {
        const at = decidedUpTo({ before: of[segment.key], reached: reached(clock, context) });
        return [segment.key, finite(at)] as const;
      });
      context.state.set(DECIDED, Object.fromEntries(decided));
    },
    merge: (key, _loserKey, loser, context, cause = 'merge') => {
      const { state } = context;
      const before = readMemberships(state);
      const told = (loser.get(MEMBERSHIPS) as Memberships | undefined) ?? unknownCustomer;
      const theirs = cause === 'split' ? leftBehind(loser) : told;
      // What has turned has been whole everywhere: then he can turn as well.
      const isTurned = cause === 'merge' && isKnown(told) && (told.rules ?? 0) === world.target.number;
      const plan = isTurned ? world.target : inForce(world, before, context);
      const feed: Feed = plan === world.target ? plan : world.all;
      const merged = mergeParts(feed, new Map(state.parts().map((part) => [part, state.get(part)])), loser);
      take((merged.get(PROFILE) as Profile | undefined) ?? { traits: {} }, context, key);
      const { since } = merged.get(MEMBERSHIPS) as Memberships;
      const touched = new Set<PlannedSegment>(plan.open);
      for (const [hash, leaf] of feed.leaves) {
        if (!loser.has(leafPart(hash))) continue;
        const part = merged.get(leafPart(hash)) as LeafPart;
        const users = feed.users.get(hash) ?? [];
        for (const user of plan.users.get(hash) ?? []) touched.add(user);
        if (plan !== world.target && world.fresh.leaves.has(hash)) {
          state.set(leafPart(hash), part);
          continue;
        }
        // What the loser had not decided yet is still to be told.
        const horizon = Math.min(horizonOf(users, before, context), horizonOf(users, theirs, context));
        writeLeaf(state, hash, leaf, part, horizon);
      }
      const toTurn = isKnown(before) && plan === world.target && (before.rules ?? 0) !== plan.number;
      if (toTurn) turn(world, key, since, context);
      const now = toTurn ? readMemberships(state) : before;
      const figures = plan.figures.filter(({ hash }) => loser.has(leafPart(hash)));
      tellFigures(plan, figures, { from: toldUpTo(loser.get(FIGURES)), messageId: '' }, key, context);
      // Written in any case, so that timers that were held during the merge are armed again.
      const outcomes = [...touched].map((each) => ({
        ...decideMerge(caseOf(each, key, now, since, context), theirs.of[each.segment.key], cause),
        late: true,
      }));
      publish(outcomes, now, since, { customer: key, after: before.after, hops: [] }, plan, context);
    },
  };
}
