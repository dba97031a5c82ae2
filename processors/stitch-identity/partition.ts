import { anyApart, cutsOf, isCut, isWord, type Word } from './cuts.ts';
import { type IdentityRules, ruleOf } from './identity.ts';

/** An identifier as its component knows it. `rank` orders identifiers, is fixed when the identifier is first seen, and never changes. */
export interface Member {
  readonly kind: string;
  readonly rank: number;
}

/** Two identifiers seen together at `at`: `x` the primary one of the event, `y` another. */
export interface Edge {
  readonly x: string;
  readonly y: string;
  readonly at: number;
  /** The event that brought it, if known. */
  readonly cause: string | null;
  /** Not a sighting, but the word of an operator on the two; the last one on a pair counts. */
  readonly word?: Word;
}

/** A union that is forbidden: `kind` is the one of which there would be too many; null: an operator has set them apart. */
export interface Refusal {
  readonly edge: Edge;
  readonly kind: string | null;
}

/** A way from one identifier to another; each edge goes on where the one before ended. */
export interface Passage {
  readonly from: string;
  readonly to: string;
  readonly edges: readonly Edge[];
}

export interface Partition {
  /** Customers, as the identifiers that are theirs from the beginning. */
  readonly groups: readonly (readonly string[])[];
  /** Index of the group of each identifier. */
  readonly home: ReadonlyMap<string, number>;
  /** For identifiers that changed hands: since when they belong to which group, in order. */
  readonly moves: ReadonlyMap<string, readonly (readonly [at: number, group: number])[]>;
  readonly refused: readonly Refusal[];
  /** What made one customer of two, in the order of time. */
  readonly unions: readonly Passage[];
  /** From an identifier that changed hands to one that is its last owner's from the beginning. */
  readonly carried: ReadonlyMap<string, Passage>;
  /** Identifiers with too many neighbours; their edges count for nothing. */
  readonly crowded: ReadonlySet<string>;
}

/** Higher rank first; the key decides between equals. */
export function byRank(a: readonly [key: string, rank: number], b: readonly [key: string, rank: number]): number {
  return b[1] - a[1] || (a[0] < b[0] ? 1 : a[0] > b[0] ? -1 : 0);
}

/**
 * The customers in a component: a pure function of the set of its edges, so the same in every order of arrival. Edge by
 * edge in event time (at the same time those of higher identifiers first), two identifiers become one customer's if limits allow; else, if one is of a moving kind, it belongs
 * to the other's customer from that time on; else the union is refused. Two that an operator has set apart are linked by no sighting
 * of both, and nobody is ever in one customer with, or moves to a customer with, whom they are apart from.
 */
export function partition(members: ReadonlyMap<string, Member>, edges: readonly Edge[], rules: IdentityRules): Partition {
  const keys = [...members.keys()].sort();
  const crowded = crowdedKeys(edges, rules.maxNeighbours);
  const parent = new Map(keys.map((key) => [key, key]));
  const limited = new Map(keys.map((key) => [key, limitedKinds(key, members.get(key), rules)]));
  const cuts = cutsOf(edges);
  /** By customer: those who are or were in it and are apart from somebody. */
  const wary = new Map([...cuts.keys()].map((key) => [key, new Set([key])]));
  const linked = new Map<string, number>();
  const isOver = (kind: string, values: readonly string[], at: number): boolean => {
    const { limit, withinMs } = ruleOf(rules, kind);
    if (limit === null || values.length <= limit) return false;
    return withinMs === null || values.filter((key) => (linked.get(key) ?? at) > at - withinMs).length > limit;
  };
  const owner = new Map<string, string>();
  const moved = new Map<string, [number, string][]>();
  const refused: Refusal[] = [];
  const unions: Passage[] = [];
  const carried = new Map<string, Passage>();
  /** To whose it was at that time. */
  const passage = (key: string): Passage => carried.get(key) ?? { from: key, to: key, edges: [] };
  const find = (key: string): string => {
    let at = key;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) {
      parent.set(at, parent.get(up) ?? up);
      at = up;
    }
    return at;
  };

  const order = (a: string, b: string): number => byRank([a, members.get(a)?.rank ?? 0], [b, members.get(b)?.rank ?? 0]);
  const inTime = [...edges].sort((a, b) => a.at - b.at || order(a.x, b.x) || order(a.y, b.y));
  for (const edge of inTime) {
    if (isWord(edge) || isVoid(edge, members, crowded) || isCut(cuts, edge.x, edge.y)) continue;
    for (const key of [edge.x, edge.y]) if (!linked.has(key)) linked.set(key, edge.at);
    const a = find(owner.get(edge.x) ?? edge.x);
    const b = find(owner.get(edge.y) ?? edge.y);
    if (a === b) continue;
    const sum = sumOf(limited.get(a), limited.get(b));
    const tooMany = [...sum].find(([kind, values]) => isOver(kind, values, edge.at));
    const areApart = anyApart(cuts, wary.get(a), wary.get(b));
    if (!tooMany && !areApart) {
      const [low, high] = a < b ? [b, a] : [a, b];
      parent.set(low, high);
      limited.set(high, sum);
      const together = [...(wary.get(high) ?? []), ...(wary.get(low) ?? [])];
      if (together.length > 0) wary.set(high, new Set(together));
      const [back, on] = [passage(edge.x), passage(edge.y)];
      unions.push({ from: back.to, to: on.to, edges: [...back.edges.toReversed(), edge, ...on.edges] });
      continue;
    }
    const mover = [edge.x, edge.y]
      .filter((key) => ruleOf(rules, members.get(key)?.kind ?? '').moving)
      .sort(order)
      .at(-1);
    // Of two moving ones the lower goes.
    const target = mover === edge.x ? b : a;
    if (mover === undefined || anyApart(cuts, new Set([mover]), wary.get(target))) {
      refused.push({ edge, kind: areApart ? null : (tooMany?.[0] ?? null) });
      continue;
    }
    if (cuts.has(mover)) wary.set(target, new Set([...(wary.get(target) ?? []), mover]));
    owner.set(mover, target);
    const on = passage(mover === edge.x ? edge.y : edge.x);
    carried.set(mover, { from: mover, to: on.to, edges: [edge, ...on.edges] });
    moved.set(mover, [...(moved.get(mover) ?? []), [edge.at, target]]);
  }

  const index = new Map<string, number>();
  const groups: string[][] = [];
  const home = new Map<string, number>();
  for (const key of keys) {
    const root = find(key);
    const group = index.get(root) ?? groups.push([]) - 1;
    index.set(root, group);
    groups[group]?.push(key);
    home.set(key, group);
  }
  const groupOf = (key: string): number => index.get(find(key)) ?? 0;
  const moves = new Map([...moved].map(([key, steps]) => [key, steps.map(([at, to]) => [at, groupOf(to)] as const)]));
  return { groups, home, moves, refused, unions, carried, crowded };
}

/** The edge counts for nothing but the number of neighbours; an end that is crowded and elsewhere is no member. */
export function isVoid({ x, y }: Edge, members: ReadonlyMap<string, Member>, crowded: ReadonlySet<string>): boolean {
  return [x, y].some((key) => !members.has(key) || crowded.has(key));
}

function crowdedKeys(edges: readonly Edge[], most: number): ReadonlySet<string> {
  const neighbours = new Map<string, Set<string>>();
  const add = (from: string, to: string): void => {
    const known = neighbours.get(from);
    if (known) known.add(to);
    else neighbours.set(from, new Set([to]));
  };
  for (const edge of edges) {
    if (isWord(edge)) continue;
    add(edge.x, edge.y);
    add(edge.y, edge.x);
  }
  return new Set([...neighbours].filter(([, others]) => others.size > most).map(([key]) => key));
}

/** By kind with a limit: identifiers. */
type Limited = ReadonlyMap<string, readonly string[]>;

function limitedKinds(key: string, member: Member | undefined, rules: IdentityRules): Limited {
  return new Map(member && ruleOf(rules, member.kind).limit !== null ? [[member.kind, [key]]] : []);
}

function sumOf(a: Limited = new Map(), b: Limited = new Map()): Limited {
  const sum = new Map(a);
  for (const [kind, values] of b) sum.set(kind, [...(sum.get(kind) ?? []), ...values]);
  return sum;
}
