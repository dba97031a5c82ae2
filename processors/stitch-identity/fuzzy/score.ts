import type { Comparison, Field } from './compare.ts';
import { householdFields, type Weights } from './weights.ts';

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
  /** Bits of the fields that a household shares, before they are limited. */
  readonly household: number;
  /** Field by field; `chance` and `household` are what is taken off before. They add up to `bits`. */
  readonly reasons: readonly (
    | Reason
    | { readonly field: 'chance' | 'household'; readonly level: string; readonly bits: number }
  )[];
}

/** In one household a birthday is shared by one pair of people in a hundred, not in 20,000. */
const TWINS_BITS = 6.5;

export interface ScoreOptions {
  readonly weights: Weights;
  /** About how many people there are: two records taken at random are of one person once in so many cases. */
  readonly people: number;
  /** Of two records that share a household: odds that they are of one person, all else unknown. */
  readonly household: number;
}

/**
 * The score of Fellegi and Sunter (1969): bits of all fields, added to those of chance. They assume that fields err independently;
 * family name, address, phone and e-mail do not among the people of one household, of whom there are about as many as of
 * records of one person. So these fields together lift the odds to those of a household at most; organisations have none.
 */
export function score(comparison: Comparison, { weights, people, household: odds }: ScoreOptions): Score {
  const reasons: Reason[] = [];
  let household = 0;
  let own = 0;
  for (const [field, level] of comparison) {
    const weight = weights[field][level];
    if (weight === undefined) continue;
    reasons.push({ field, level, bits: weight.bits + (weight.own ?? 0) });
    own += weight.own ?? 0;
    if (householdFields.has(field)) household += weight.bits;
    else own += weight.bits;
  }
  const chance = -Math.log2(people);
  const over = comparison.has('organisation') ? 0 : Math.max(0, household + chance - Math.log2(odds));
  const twins = comparison.get('birth') === 'exact' ? Math.min(over, TWINS_BITS) : 0;
  const bits = chance + household - over + own - twins;
  return {
    bits,
    probability: 1 / (1 + 2 ** -bits),
    household,
    reasons: [
      { field: 'chance', level: `one in ${people}`, bits: chance },
      ...reasons,
      ...(over > 0 ? [{ field: 'household' as const, level: 'those who live together share it', bits: -over }] : []),
      ...(twins > 0 ? [{ field: 'household' as const, level: 'twins share a birthday', bits: -twins }] : []),
    ],
  };
}
