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
  readonly members: Readonly<Record<string, Member>>;
  readonly edges: readonly Edge[];
  readonly live: Readonly<Record<string, LiveCustomer>>;
  /** The timeline that each member was last told. */
  readonly labels: Readonly<Record<string, Timeline>>;
  /** By customer: every member that ever labelled events with it and has not been asked to seal it. */
  readonly holders: Readonly<Record<string, readonly string[]>>;
  /** How many customers were founded at an identifier after its first. */
  readonly founded: Readonly<Record<string, number>>;
  /** Identifiers known to be crowded. */
  readonly crowded: readonly string[];
}

/** The component of an identifier that is linked to none. */
export function single(key: string, member: Member, timeline: Timeline | null, seen: number): Component {
  const own = timeline?.[0]?.[1];
  return {
    members: { [key]: member },
    edges: [],
    live: own === undefined ? {} : { [own]: { founder: key, seen } },
    labels: timeline === null ? {} : { [key]: timeline },
    holders: own === undefined ? {} : { [own]: [key] },
    founded: {},
    crowded: [],
  };
}

/** Both as one. They share nothing: an identifier is in one component only. */
export function unite(a: Component, b: Component): Component {
  return {
    members: { ...a.members, ...b.members },
    edges: [...a.edges, ...b.edges],
    live: { ...a.live, ...b.live },
    labels: { ...a.labels, ...b.labels },
    holders: { ...a.holders, ...b.holders },
    founded: { ...a.founded, ...b.founded },
    crowded: [...a.crowded, ...b.crowded],
  };
}

/** Whether one of the two can change hands, so that it matters when they were seen together again. */
export function isMovingPair(rules: IdentityRules, a: string | undefined, b: string | undefined): boolean {
  return [a, b].some((kind) => kind !== undefined && ruleOf(rules, kind).moving);
}

/** With one more edge. Of pairs that cannot move only the first sighting counts, whichever of the two was the primary one. */
export function withEdge(component: Component, edge: Edge, rules: IdentityRules): Component {
  const { members, edges } = component;
  const moving = isMovingPair(rules, members[edge.x]?.kind, members[edge.y]?.kind);
  const samePair = (other: Edge): boolean =>
    (other.x === edge.x && other.y === edge.y) || (!moving && other.x === edge.y && other.y === edge.x);
  const known = edges.filter((other) => samePair(other) && (moving ? other.at === edge.at : other.at <= edge.at));
  if (known.length > 0) return component;
  return { ...component, edges: [...(moving ? edges : edges.filter((other) => !samePair(other))), edge] };
}
