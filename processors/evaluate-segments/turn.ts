import type { Context } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import { caseOf } from './case.ts';
import { reached, segmentClock } from './clocks.ts';
import { decideTurn, type Outcome, type Turn } from './decide.ts';
import { turnFigures } from './figures.ts';
import { horizonOf, readLeaf, writeLeaf } from './leaf-part.ts';
import { readMemberships, type Memberships } from './membership.ts';
import { leafPart, type Plan, type PlannedSegment } from './plan.ts';
import { publish } from './publish.ts';
import { SHADOW, type CompiledSegment } from './segment.ts';
import { inForce, isKnown, type World } from './world.ts';

/** The rules that decide for the customer at hand; if it is time, he turns to the new ones first. */
export function rulesFor(world: World, customer: string, context: Context): Plan {
  const before = readMemberships(context.state);
  const plan = inForce(world, before, context);
  if (isKnown(before) && plan === world.target && (before.rules ?? 0) !== plan.number)
    turn(world, customer, before.since, context);
  return plan;
}

/**
 * The customer turns to the new rules in one step: what they say otherwise, as of the time up to which he was decided, is published
 * with the cause `rule-change` (`seed` where the segment is new to him), he leaves segments that are no more, and state that only the
 * old rules needed goes. `since`: event time of the first event known of him.
 */
export function turn(world: World, customer: string, since: number, context: Context): void {
  const { target } = world;
  const { state } = context;
  const before = readMemberships(state);
  const former = world.plans.get(before.rules ?? 0);
  const changed = [...target.segments.values()].filter(
    ({ segment }) => !isSame(former?.segments.get(segment.key)?.segment, segment),
  );
  const outcomes = changed.map((planned): Outcome => {
    const { key } = planned.segment;
    const isKnownOf = former?.segments.has(key) === true || before.of[key] !== undefined;
    const why: Turn = isKnownOf ? { kind: 'rule-change' } : { kind: 'seed', begun: context.tick };
    return decideTurn(caseOf(planned, customer, before, since, context), decidedBy(former, planned, context), why);
  });
  const gone = Object.keys(before.of).filter((key) => !target.segments.has(key));
  const leaving = gone.map((key) => former?.segments.get(key) ?? unknownSegment(key, before, world.target.sources));
  const left = leaving.flatMap((planned) => emptied(planned, before, context));
  const kept = Object.fromEntries(Object.entries(before.of).filter(([key]) => target.segments.has(key)));
  turnFigures(target, former, customer, context);
  const all = new Map([...target.segments, ...leaving.map((each) => [each.segment.key, each] as const)]);
  const occasion = { customer, after: before.after, hops: [] };
  publish([...outcomes, ...left], { ...before, of: kept }, since, occasion, { ...target, segments: all }, context);
  tidy(world, context);
}

/** A rule that reads the same state in the same way. */
function isSame(one: CompiledSegment | undefined, other: CompiledSegment): boolean {
  return (
    one !== undefined &&
    one.version === other.version &&
    one.leaves.map(({ hash }) => hash).join() === other.leaves.map(({ hash }) => hash).join()
  );
}

/** No leaf is asked of a time before this: by the clocks of the old rules it may have been pruned up to here. */
function decidedBy(former: Plan | undefined, { segment }: PlannedSegment, context: Context): number {
  const users = segment.leaves.flatMap(({ hash }) => former?.users.get(hash) ?? []);
  return Math.max(Number.NEGATIVE_INFINITY, ...users.map(({ clock }) => reached(clock, context)));
}

function emptied({ segment, clock }: PlannedSegment, { of }: Memberships, context: Context): readonly Outcome[] {
  const before = of[segment.key];
  if (before?.in !== true || segment.shadow) return [];
  const effectiveAt = Math.max(before.decided ?? 0, reached(clock, context));
  const cause = { kind: 'rule-change', messageId: null, event: null, corrects: null };
  return [{ segment, after: before, late: false, gone: true, decisions: [{ segment, enters: false, effectiveAt, cause }] }];
}

/** A segment of which nothing is left but its members. */
function unknownSegment(key: string, { of }: Memberships, sources: readonly SourceConfig[]): PlannedSegment {
  const segment: CompiledSegment = {
    name: key,
    description: '',
    version: of[key]?.version ?? '',
    rule: { kind: 'any', rules: [] },
    leaves: [],
    events: [],
    monotone: false,
    eager: false,
    shadow: key.startsWith(SHADOW),
    key,
    holdsOnNothing: true,
  };
  return { segment, clock: segmentClock(segment, sources) };
}

/** What was kept whole while it was being made is pruned; what nobody needs any more goes. */
function tidy({ fresh, dropped, target }: World, context: Context): void {
  const { state } = context;
  const memberships = readMemberships(state);
  for (const [hash, leaf] of fresh.leaves) {
    const part = readLeaf(state, hash);
    if (part === undefined) continue;
    const { state: whole, facts } = part;
    writeLeaf(state, hash, leaf, { state: whole, facts }, horizonOf(target.users.get(hash) ?? [], memberships, context));
  }
  for (const hash of dropped) if (state.get(leafPart(hash)) !== undefined) state.delete(leafPart(hash));
}
