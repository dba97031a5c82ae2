import { judge, type FuzzyRules, type Pair } from './match.ts';
import type { Person } from './person.ts';

export interface Groups {
  /** Records of one person, each group with two at least. */
  readonly groups: readonly (readonly string[])[];
  /** Pairs that made them. */
  readonly linked: readonly Pair[];
  /** Pairs good enough by themselves, but the limits, or other records of the two, speak against it. */
  readonly refused: readonly (Pair & { readonly reason: string })[];
  /** Pairs for somebody to look at whose records did not end in one group. */
  readonly review: readonly Pair[];
}

/** Why two groups of records must not be one person; undefined: they may. */
export type Limit = (a: readonly string[], b: readonly string[]) => string | undefined;

/** A pair of records with odds as bad as this, for reasons of their own, speaks against one person whatever others say. */
const VETO_BITS = -4;

/** Who fits two people within so many bits of each other belongs to neither, unless both are as sure as `SURE_BITS`. */
const CLOSE_BITS = 1;
const SURE_BITS = 8;

interface Fit {
  readonly other: string;
  readonly bits: number;
}

/** What a person keeps all life; families, homes and addresses change. */
const lasting = new Set<string>(['given', 'generation', 'birth', 'papers']);

/**
 * Makes groups of the pairs, the best first. Not linked are: what the limits forbid; groups of which a record of the one and a
 * record of the other are clearly of two people, since likeness is not transitive; and who fits two that are two
 * people. A pure function of the set of pairs.
 */
export function group(
  people: ReadonlyMap<string, Person>,
  pairs: readonly Pair[],
  rules: FuzzyRules,
  limit: Limit = () => undefined,
): Groups {
  const good = pairs.filter(({ score }) => score.probability >= rules.link);
  const apart = apartIn(people, rules);
  const fitting = new Map<string, Fit[]>();
  const fits = (id: string, other: string, bits: number): void =>
    void fitting.set(id, [...(fitting.get(id) ?? []), { other, bits }]);
  for (const { a, b, score } of good) {
    fits(a, b, score.bits);
    fits(b, a, score.bits);
  }
  /** Whether somebody else fits `a` about as well as `b`, but is not `b`. */
  const isAmbiguous = (a: string, b: string, bits: number): boolean =>
    bits < SURE_BITS &&
    (fitting.get(a) ?? []).some(
      (rival) => rival.other !== b && rival.bits > bits - CLOSE_BITS && apart(b, rival.other) !== undefined,
    );
  const home = new Map<string, readonly string[]>();
  const homeOf = (id: string): readonly string[] => home.get(id) ?? [id];
  const linked: Pair[] = [];
  const refused: (Pair & { reason: string })[] = [];
  for (const pair of good) {
    const [one, two] = [homeOf(pair.a), homeOf(pair.b)];
    if (one === two) continue;
    const vetoed = one.some((x) => two.some((y) => (apart(x, y) ?? 0) <= VETO_BITS));
    const reason =
      limit(one, two) ??
      (vetoed ? 'other records of the two are of two people' : undefined) ??
      (isAmbiguous(pair.a, pair.b, pair.score.bits) || isAmbiguous(pair.b, pair.a, pair.score.bits)
        ? 'it fits two people'
        : undefined);
    if (reason !== undefined) {
      refused.push({ ...pair, reason });
      continue;
    }
    const both = [...one, ...two];
    for (const id of both) home.set(id, both);
    linked.push(pair);
  }
  const review = pairs.filter(({ a, b, score }) => score.probability < rules.link && homeOf(a) !== homeOf(b));
  return { groups: [...new Set(home.values())].map((ids) => ids.toSorted()), linked, refused, review };
}

/** The bits of two records that differ in something lasting; undefined for others. */
function apartIn(people: ReadonlyMap<string, Person>, rules: FuzzyRules): (a: string, b: string) => number | undefined {
  return (a, b) => {
    const [one, two] = [people.get(a), people.get(b)];
    if (!one || !two) return undefined;
    const { bits, reasons } = judge(one, two, rules);
    const differs = reasons.some(({ field, level }) => lasting.has(field) && level === 'different');
    return differs && bits < Math.log2(rules.link / (1 - rules.link)) ? bits : undefined;
  };
}
