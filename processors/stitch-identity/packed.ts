import type { Component } from './component.ts';
import type { Word } from './cuts.ts';
import type { Edge } from './partition.ts';
import { ALWAYS, type Segment, type Timeline } from './timeline.ts';

/** A component as it is stored and sent: every key and customer once, everything else by their indexes. */
export interface PackedComponent {
  /** The members, then other ends of edges. */
  readonly keys: readonly string[];
  readonly kinds: readonly string[];
  /** Index of the kind and rank of each member. */
  readonly members: readonly number[];
  /** Ends and time of each edge. */
  readonly edges: readonly number[];
  readonly causes: readonly (string | null)[];
  /** Edges that are words of an operator, by their index; left out: none. */
  readonly words?: Readonly<Record<number, Word>>;
  readonly customers: readonly string[];
  /** Customer, founder and time of the first event. */
  readonly live: readonly number[];
  /** By member: start and customer of each segment but the first, whose start is left out; empty: none. */
  readonly labels: readonly (readonly number[])[];
  /** By customer. */
  readonly holders: readonly (readonly number[])[];
  /** Member and number. */
  readonly founded: readonly number[];
  readonly crowded: readonly number[];
}

export function pack(component: Component): PackedComponent {
  const keys = indexer([...component.members.keys()]);
  const kinds = indexer([]);
  const customers = indexer([...component.live.keys()]);
  const flatLabel = (timeline: Timeline = []): number[] =>
    timeline.flatMap(([from, customer], i) => (i === 0 ? [customers.at(customer)] : [from, customers.at(customer)]));
  const labels = [...component.members.keys()].map((key) => flatLabel(component.labels.get(key)));
  const words = component.edges.flatMap(({ word }, i) => (word === undefined ? [] : [[i, word] as const]));
  return {
    members: [...component.members.values()].flatMap(({ kind, rank }) => [kinds.at(kind), rank]),
    edges: component.edges.flatMap(({ x, y, at }) => [keys.at(x), keys.at(y), at]),
    causes: component.edges.map(({ cause }) => cause),
    ...(words.length > 0 && { words: Object.fromEntries(words) }),
    live: [...component.live].flatMap(([customer, { founder, seen }]) => [customers.at(customer), keys.at(founder), seen]),
    labels,
    holders: customers.all.map((customer) => (component.holders.get(customer) ?? []).map(keys.at)),
    founded: [...component.founded].flatMap(([key, count]) => [keys.at(key), count]),
    crowded: [...component.crowded].map(keys.at),
    keys: keys.all,
    kinds: kinds.all,
    customers: customers.all,
  };
}

export function unpack(packed: PackedComponent): Component {
  const key = (i: number | undefined): string => packed.keys[i ?? -1] ?? '';
  const customer = (i: number | undefined): string => packed.customers[i ?? -1] ?? '';
  const timeline = (flat: readonly number[]): Timeline => {
    const [first, ...rest] = flat;
    return [[ALWAYS, customer(first)], ...rows(rest, 2).map(([from = 0, i]): Segment => [from, customer(i)])];
  };
  return {
    members: new Map(
      rows(packed.members, 2).map(([kind, rank = 0], i) => [key(i), { kind: packed.kinds[kind ?? -1] ?? '', rank }]),
    ),
    edges: rows(packed.edges, 3).map(([x, y, at = 0], i): Edge => ({
      x: key(x),
      y: key(y),
      at,
      cause: packed.causes[i] ?? null,
      ...(packed.words?.[i] && { word: packed.words[i] }),
    })),
    live: new Map(rows(packed.live, 3).map(([id, founder, seen = 0]) => [customer(id), { founder: key(founder), seen }])),
    labels: new Map(packed.labels.flatMap((flat, i) => (flat.length === 0 ? [] : [[key(i), timeline(flat)] as const]))),
    holders: new Map(packed.holders.flatMap((held, i) => (held.length === 0 ? [] : [[customer(i), held.map(key)] as const]))),
    founded: new Map(rows(packed.founded, 2).map(([member, count = 0]) => [key(member), count])),
    crowded: new Set(packed.crowded.map(key)),
  };
}

/** Gives each text an index, in the order of first use. */
function indexer(first: readonly string[]): { readonly all: readonly string[]; readonly at: (text: string) => number } {
  const all = [...first];
  const known = new Map(all.map((text, i) => [text, i]));
  return {
    all,
    at: (text) => {
      const i = known.get(text);
      if (i !== undefined) return i;
      known.set(text, all.length);
      return all.push(text) - 1;
    },
  };
}

function rows(flat: readonly number[], width: number): readonly (readonly number[])[] {
  return Array.from({ length: flat.length / width }, (_, i) => flat.slice(i * width, (i + 1) * width));
}
