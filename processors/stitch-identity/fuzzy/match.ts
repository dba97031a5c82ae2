import { blocksOf } from './blocking.ts';
import { compare } from './compare.ts';
import { nicknamesOf, type Nicknames } from './nicknames.ts';
import type { Person } from './person.ts';
import { type Score, score } from './score.ts';
import { defaultWeights, type Weights } from './weights.ts';

/** How records that look alike are judged. */
export interface FuzzyRules {
  /** From this probability on two records are of one person. */
  readonly link: number;
  /** From this probability on somebody should look at it. */
  readonly review: number;
  /** About how many people there are. */
  readonly people: number;
  /** Of two records that share a household (family name, address, phone, e-mail): odds that they are of one person. */
  readonly household: number;
  /** What more records than this have in common is no reason to compare them. */
  readonly maxBlock: number;
  readonly weights: Weights;
  readonly nicknames: Nicknames;
}

export const defaultFuzzy: FuzzyRules = {
  link: 0.95,
  review: 0.5,
  people: 10_000,
  household: 0.5,
  maxBlock: 100,
  weights: defaultWeights,
  nicknames: nicknamesOf(),
};

/** Two records that may be of one person; `a` sorts before `b`. */
export interface Pair {
  readonly a: string;
  readonly b: string;
  readonly score: Score;
}

/** The score of two records with its reasons. */
export function judge(a: Person, b: Person, rules: FuzzyRules): Score {
  return score(compare(a, b, rules.nicknames), rules);
}

/** All pairs worth a review at least, the best first: a pure function of the set of records. */
export function pairsOf(people: ReadonlyMap<string, Person>, rules: FuzzyRules): readonly Pair[] {
  const pairs: Pair[] = [];
  for (const [one, two, a, b] of comparedPairs(people, rules)) {
    const found = judge(one, two, rules);
    if (found.probability >= rules.review) pairs.push({ a, b, score: found });
  }
  return pairs.sort((one, two) => two.score.bits - one.score.bits || (one.a + one.b < two.a + two.b ? -1 : 1));
}

/** All pairs that have something in common, each once, and their ids, the smaller first. */
export function comparedPairs(
  people: ReadonlyMap<string, Person>,
  { maxBlock }: FuzzyRules,
): readonly (readonly [Person, Person, string, string])[] {
  const blocks = new Map<string, [string, Person][]>();
  for (const entry of [...people].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const block of blocksOf(entry[1])) {
      const known = blocks.get(block);
      if (known) known.push(entry);
      else blocks.set(block, [entry]);
    }
  const found = new Map<string, readonly [Person, Person, string, string]>();
  for (const entries of blocks.values()) {
    if (entries.length > maxBlock) continue;
    entries.forEach(([a, one], i) => {
      for (const [b, two] of entries.slice(i + 1)) found.set(`${a}\0${b}`, [one, two, a, b]);
    });
  }
  return [...found.values()];
}
