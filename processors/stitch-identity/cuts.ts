import type { Edge } from './partition.ts';

/** By identifier: those that an operator has set apart from it, each pair both ways. */
export type Cuts = ReadonlyMap<string, ReadonlySet<string>>;

/** The word of an operator on two identifiers. */
export type Word = 'apart' | 'together';

/** A word of an operator on a pair, which is no sighting. */
export function isWord({ word }: Pick<Edge, 'word'>): boolean {
  return word !== undefined;
}

/** The pairs that are apart: of all words on a pair the last one counts, by time and then by the id of the command. */
export function cutsOf(edges: readonly Edge[]): Cuts {
  const last = new Map<string, Edge>();
  for (const edge of edges) {
    if (edge.word === undefined) continue;
    const pair = [edge.x, edge.y].sort().join(' ');
    const known = last.get(pair);
    if (!known || known.at < edge.at || (known.at === edge.at && (known.cause ?? '') < (edge.cause ?? ''))) last.set(pair, edge);
  }
  const cuts = new Map<string, Set<string>>();
  for (const { x, y, word } of last.values()) {
    if (word !== 'apart') continue;
    for (const [from, to] of [
      [x, y],
      [y, x],
    ] as const)
      cuts.set(from, (cuts.get(from) ?? new Set()).add(to));
  }
  return cuts;
}

export function isCut(cuts: Cuts, a: string, b: string): boolean {
  return cuts.get(a)?.has(b) === true;
}

/** Who of one customer is apart from somebody of another. */
export function anyApart(cuts: Cuts, some: ReadonlySet<string> | undefined, others: ReadonlySet<string> | undefined): boolean {
  if (cuts.size === 0 || !some || !others) return false;
  return [...some].some((key) => [...(cuts.get(key) ?? [])].some((other) => others.has(other)));
}
