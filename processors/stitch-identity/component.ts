import { isWord } from './cuts.ts';
import { type IdentityRules, ruleOf } from './identity.ts';
import type { Edge, Member } from './partition.ts';
import type { Timeline } from './timeline.ts';

/** A customer that has not ended. */
export interface LiveCustomer {
  /** The identifier that it began with. */
  readonly founder: string;
  /** Event time of its first event. */
  readonly seen: number;
}

/** What the root of a component knows and alone decides upon. Keys are opaque keys of identifiers. */
export interface Component {
  readonly members: ReadonlyMap<string, Member>;
  readonly edges: readonly Edge[];
  readonly live: ReadonlyMap<string, LiveCustomer>;
  /** The timeline that each member was last told. */
  readonly labels: ReadonlyMap<string, Timeline>;
  /** By customer: every member that ever labelled events with it and has not been asked to seal it. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
  /** How many customers were founded at an identifier after its first. */
  readonly founded: ReadonlyMap<string, number>;
  /** Identifiers known to be crowded. */
  readonly crowded: ReadonlySet<string>;
}

/** The component of an identifier that is linked to none. */
export function single(key: string, member: Member, timeline: Timeline | null, seen: number): Component {
  const own = timeline?.[0]?.[1];
  return {
    members: new Map([[key, member]]),
    edges: [],
    live: new Map(own === undefined ? [] : [[own, { founder: key, seen }]]),
    labels: new Map(timeline === null ? [] : [[key, timeline]]),
    holders: new Map(own === undefined ? [] : [[own, [key]]]),
    founded: new Map(),
    crowded: new Set(),
  };
}

/** Both as one. They share nothing: an identifier is in one component only. */
export function unite(a: Component, b: Component): Component {
  return {
    members: new Map([...a.members, ...b.members]),
    edges: [...a.edges, ...b.edges],
    live: new Map([...a.live, ...b.live]),
    labels: new Map([...a.labels, ...b.labels]),
    holders: new Map([...a.holders, ...b.holders]),
    founded: new Map([...a.founded, ...b.founded]),
    crowded: new Set([...a.crowded, ...b.crowded]),
  };
}

/** With a customer that a member began by itself. */
export function withCustomer(
  component: Component,
  customer: string,
  founder: string,
  timeline: Timeline,
  seen: number,
): Component {
  const { live, holders, labels } = component;
  return {
    ...component,
    live: new Map([...live, [customer, { founder, seen }]]),
    holders: new Map([...holders, [customer, [founder]]]),
    labels: labels.has(founder) ? labels : new Map([...labels, [founder, timeline]]),
  };
}

/** Whether one of the two can change hands, so that it matters when they were seen together again. */
export function isMovingPair(rules: IdentityRules, a: string | undefined, b: string | undefined): boolean {
  return [a, b].some((kind) => kind !== undefined && ruleOf(rules, kind).moving);
}

/** With one more edge. Of pairs that cannot move only the first sighting counts, whichever of the two was the primary one; of words every one. */
export function withEdge(component: Component, { x, y, at, cause, word }: Edge, rules: IdentityRules): Component {
  const { members, edges } = component;
  if (word !== undefined) {
    const isKnown = edges.some((other) => isWord(other) && other.cause === cause);
    return isKnown ? component : { ...component, edges: [...edges, { x, y, at, cause, word }] };
  }
  const moving = isMovingPair(rules, members.get(x)?.kind, members.get(y)?.kind);
  const samePair = (other: Edge): boolean =>
    !isWord(other) && ((other.x === x && other.y === y) || (!moving && other.x === y && other.y === x));
  if (edges.some((other) => samePair(other) && (moving ? other.at === at : other.at <= at))) return component;
  return { ...component, edges: [...(moving ? edges : edges.filter((other) => !samePair(other))), { x, y, at, cause }] };
}
