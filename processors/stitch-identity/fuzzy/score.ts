import type { Comparison, Field } from './compare.ts';
import type { Weights } from './weights.ts';

/** What one field said, and what it was worth. */
export interface Reason {
  readonly field: Field;
  readonly level: string;
  readonly bits: number;
}

export interface Score {
  /** log2 of the odds that both records are of one person. */
  readonly bits: number;
  /** The same as a probability, 0 to 1. */
  readonly probability: number;
  /** log2 of the odds that they are of one household, of one person or two, rather than of strangers. */
  readonly household: number;
  /** Field by field; `chance` and `household` are what is taken off before. They add up to `bits`. */
  readonly reasons: readonly (
    | Reason
    | { readonly field: 'chance' | 'household'; readonly level: string; readonly bits: number }
  )[];
}

export interface ScoreOptions {
  readonly weights: Weights;
  /** About how many people there are: two records taken at random are of one person once in so many cases. */
  readonly people: number;
  /** Of two records that share a household: odds that they are of one person, all else unknown. */
  readonly household: number;
}

/**
 * The score of Fellegi and Sunter (1969), against two ways of being two: strangers, whose fields agree by chance, and people of one
 * household, of whom family name, address, phone and e-mail agree all together, and who may be twins or named after each other. The odds
 * are those of one person against both. Organisations have no household.
 */
export function score(comparison: Comparison, { weights, people, household: odds }: ScoreOptions): Score {
  const reasons: Reason[] = [];
  const chance = -Math.log2(people);
  let strangers = chance;
  let kin = Math.log2(odds);
  for (const [field, level] of comparison) {
    const weight = weights[field][level];
    if (weight === undefined) continue;
    reasons.push({ field, level, bits: weight.bits });
    strangers += weight.bits;
    kin += weight.kin ?? weight.bits;
  }
  const both = Math.log2(2 ** -strangers + 2 ** -kin);
  const bits = comparison.has('organisation') ? strangers : -both;
  const shared = strangers - bits;
  return {
    bits,
    probability: 1 / (1 + 2 ** -bits),
    household: strangers + Math.log2(1 + 2 ** -kin),
    reasons: [
      { field: 'chance', level: `one in ${people}`, bits: chance },
      ...reasons,
      ...(shared > 0.05 ? [{ field: 'household' as const, level: 'those who live together share it', bits: -shared }] : []),
    ],
  };
}
