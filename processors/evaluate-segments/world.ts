import { type Context, type Due, REVISION } from '../../runtime/processor.ts';
import { seededAt } from '../../runtime/revision-times.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import { unknownCustomer, type Memberships } from './membership.ts';
import type { Leaf } from './operator.ts';
import { planOf, type Plan, type PlannedSegment } from './plan.ts';
import type { Rule } from './rule.ts';
import type { CompiledSegment } from './segment.ts';

/** In which generation of the rules a leaf began to be kept, by hash. What is not in it is from before there were generations. */
export type Born = Readonly<Record<string, number>>;

/** All segments as they stood together. */
export interface Generation {
  /** Counts up; 0: from before generations were kept. */
  readonly number: number;
  readonly segments: readonly CompiledSegment[];
  readonly born: Born;
}

/** The rules that are in force for some customers, and those that are to be. */
export interface World {
  readonly target: Plan;
  /** By generation: target, and those before it that decide for customers who have not turned to it. */
  readonly plans: ReadonlyMap<number, Plan>;
  /** In force for customers not seen before, until the target is. */
  readonly base: Plan;
  /** Leaves that the target needs and the base has not kept; their state is made from what is retained. */
  readonly fresh: Feed;
  /** Every leaf that is kept for some customer, with all segments that use it. */
  readonly all: Feed;
  /** Leaves that nobody needs who has turned to the target. */
  readonly dropped: readonly string[];
}

/** Leaves that are fed, and by which events. */
export interface Feed {
  readonly leaves: ReadonlyMap<string, Leaf>;
  readonly listening: ReadonlyMap<string, readonly string[]>;
  readonly users: ReadonlyMap<string, readonly PlannedSegment[]>;
}

/** `former`, ascending, ends with the one in force; others before it where customers may not have turned to that yet. */
export function worldOf(
  now: Generation,
  former: readonly Generation[],
  sources: readonly SourceConfig[],
  givenUp: readonly Generation[] = [],
): World {
  const turn: Due = { clock: REVISION, at: seededAt(now.number) };
  const plan = ({ number, segments, born }: Generation): Plan => ({ ...planOf(bornIn(segments, born), sources), number });
  const target = plan(now);
  const before = former.map((each) => ({ ...plan(each), turn }));
  const base = before.at(-1) ?? target;
  const isFresh = (hash: string): boolean => !base.leaves.has(hash);
  return {
    target,
    base,
    plans: new Map([...before, target].map((each) => [each.number, each])),
    fresh: before.length === 0 ? nothing : only(target, isFresh),
    all: before.length === 0 ? target : union([...before, target]),
    dropped: [...new Set([...before, ...givenUp.map(plan)].flatMap(({ leaves }) => [...leaves.keys()]))].filter(
      (hash) => !target.leaves.has(hash),
    ),
  };
}

/** The rules that decide for a customer now: his own until all that the new ones need has been read. */
export function inForce({ target, base, plans }: World, memberships: Memberships, context: Context): Plan {
  if (base === target) return target;
  const { rules = 0 } = memberships;
  if (isKnown(memberships) && rules === target.number) return target;
  if (context.watermark(REVISION) >= seededAt(target.number)) return target;
  return isKnown(memberships) ? (plans.get(rules) ?? base) : base;
}

export function isKnown(memberships: Memberships): boolean {
  return memberships.customer !== unknownCustomer.customer;
}

/** The segments with their leaves named by when they were born as well, so that the state of one is never taken for that of another. */
export function bornIn(segments: readonly CompiledSegment[], born: Born): readonly CompiledSegment[] {
  const named = (hash: string): string => ((born[hash] ?? 0) === 0 ? hash : `${hash}.${born[hash] ?? 0}`);
  const rename = (rule: Rule): Rule => {
    if (rule.kind === 'leaf') return { kind: 'leaf', leaf: named(rule.leaf) };
    if (rule.kind === 'segment') return { ...rule, rule: rename(rule.rule) };
    return { kind: rule.kind, rules: rule.rules.map(rename) };
  };
  if (segments.every(({ leaves }) => leaves.every(({ hash }) => named(hash) === hash))) return segments;
  return segments.map((segment) => ({
    ...segment,
    rule: rename(segment.rule),
    leaves: segment.leaves.map((leaf) => ({ ...leaf, hash: named(leaf.hash) })),
  }));
}

const nothing: Feed = { leaves: new Map(), listening: new Map(), users: new Map() };

function only({ leaves, listening, users }: Feed, is: (hash: string) => boolean): Feed {
  return {
    leaves: new Map([...leaves].filter(([hash]) => is(hash))),
    listening: new Map([...listening].map(([event, hashes]) => [event, hashes.filter(is)])),
    users: new Map([...users].filter(([hash]) => is(hash))),
  };
}

function union(feeds: readonly Feed[]): Feed {
  const listening = new Map<string, string[]>();
  const users = new Map<string, PlannedSegment[]>();
  for (const feed of feeds) {
    for (const [event, hashes] of feed.listening)
      listening.set(event, [...new Set([...(listening.get(event) ?? []), ...hashes])]);
    for (const [hash, some] of feed.users) users.set(hash, [...(users.get(hash) ?? []), ...some]);
  }
  return { leaves: new Map(feeds.flatMap(({ leaves }) => [...leaves])), listening, users };
}
