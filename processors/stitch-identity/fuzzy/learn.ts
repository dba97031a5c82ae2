import { type Comparison, compare, type Field } from './compare.ts';
import { type FuzzyRules, comparedPairs } from './match.ts';
import type { Person } from './person.ts';
import { score } from './score.ts';
import type { Weight, Weights } from './weights.ts';

const ROUNDS = 5;
const SAMPLE = 30_000;
/** How many pairs the weights that were given count for. */
const BELIEF = 20;
/** A weight that is learnt stays between these, bits. */
const MOST_BITS = 15;

/**
 * Learns from records, without knowing who is who, what their fields are worth: how often they err (m), by expectation and
 * maximisation over the pairs that are compared, and how often they agree by chance (u), over pairs at random; and what
 * it says that two share a household. Fields that the records do not have keep their weights. Deterministic. To be
 * used on other records of the same kind than those it was learnt from.
 */
export function learn(people: ReadonlyMap<string, Person>, rules: FuzzyRules): Pick<FuzzyRules, 'weights' | 'household'> {
  const candidates = comparedPairs(people, rules).map(([a, b]) => compare(a, b, rules.nicknames));
  const chance = shares(atRandom([...people.values()], rules).map((each) => [each, 1 - score(each, rules).probability] as const));
  let learnt: Pick<FuzzyRules, 'weights' | 'household'> = rules;
  for (let round = 0; round < ROUNDS; round++) {
    const judged = candidates.map((comparison) => ({ comparison, ...score(comparison, { ...rules, ...learnt }) }));
    const shared = judged.filter(({ household }) => household > 0);
    const alike = shared.reduce((sum, { probability }) => sum + probability, 1 / 3) / (shared.length + 1);
    const likely = judged.filter(({ probability }) => probability > 0.01);
    learnt = {
      weights: weigh(rules.weights, likely, chance),
      household: Math.min(Math.max(alike / (1 - alike), 1 / 100), 100),
    };
  }
  return learnt;
}

/** By field and level: of how many comparisons of the field. */
type Shares = ReadonlyMap<Field, { readonly total: number; readonly of: ReadonlyMap<string, number> }>;

function shares(comparisons: Iterable<readonly [Comparison, number]>): Shares {
  const found = new Map<Field, { total: number; of: Map<string, number> }>();
  for (const [comparison, count] of comparisons)
    for (const [field, level] of comparison) {
      const known = found.get(field) ?? { total: 0, of: new Map<string, number>() };
      known.total += count;
      known.of.set(level, (known.of.get(level) ?? 0) + count);
      found.set(field, known);
    }
  return found;
}

function weigh(
  given: Weights,
  likely: readonly { readonly comparison: Comparison; readonly probability: number }[],
  chance: Shares,
): Weights {
  const matched = shares(likely.map(({ comparison, probability }) => [comparison, probability] as const));
  const field = ([name, levels]: [string, Weights[Field]]): [string, Weights[Field]] => {
    const [m, u] = [matched.get(name as Field), chance.get(name as Field)];
    if (!m || !u || m.total < BELIEF) return [name, levels];
    const level = ([text, weight]: [string, Weight]): [string, Weight] => {
      const byChance = ((u.of.get(text) ?? 0) + 0.5) / (u.total + 1);
      const believed = Math.min(1, byChance * 2 ** weight.bits);
      const inMatches = ((m.of.get(text) ?? 0) + BELIEF * believed) / (m.total + BELIEF);
      const bits = Math.log2(inMatches / byChance);
      return [text, { ...weight, bits: Math.min(Math.max(bits, -MOST_BITS), MOST_BITS) }];
    };
    return [name, Object.fromEntries(Object.entries(levels).map(level))];
  };
  return Object.fromEntries(Object.entries(given).map(field)) as Weights;
}

/** Pairs spread over all records, by steps of a size that shares no divisor with their number. */
function atRandom(people: readonly Person[], { nicknames }: FuzzyRules): readonly Comparison[] {
  const found: Comparison[] = [];
  for (let step = 1; found.length < SAMPLE && step < people.length; step = step * 2 + 1)
    for (let i = 0; i < people.length && found.length < SAMPLE; i++) {
      const [a, b] = [people[i], people[(i + step) % people.length]];
      if (a && b && a !== b) found.push(compare(a, b, nicknames));
    }
  return found;
}
