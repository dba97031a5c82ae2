import type { Field } from './compare.ts';

/** What an outcome of a comparison is worth: bits, log2 of how much likelier it is among records of one person than of two. */
export interface Weight {
  readonly bits: number;
  /** Bits that say more than that both are of one household; in no limit. */
  readonly own?: number;
}

export type Weights = Readonly<Record<Field, Readonly<Record<string, Weight>>>>;

/** What people of one household share; together they never say more than that it is one household. */
export const householdFields: ReadonlySet<Field> = new Set(['family', 'street', 'place', 'phone', 'email']);

/**
 * Fixed by reasoning, so that the score of two records depends on nothing but them, in any order of arrival. Of given names the
 * common ones are borne by one in 150, of family names by one in 500; a birthday is shared by one in 20,000. Of two records of one
 * person each field is as it should be in about nine of ten cases; what is then amiss is a slip rather than another value.
 */
export const defaultWeights: Weights = {
  given: {
    exact: { bits: 7 },
    swapped: { bits: 6 },
    typo: { bits: 5.5 },
    nickname: { bits: 5 },
    close: { bits: 4 },
    part: { bits: 2 },
    initial: { bits: 3.5 },
    different: { bits: -6 },
  },
  family: {
    exact: { bits: 9 },
    swapped: { bits: 8 },
    typo: { bits: 8 },
    close: { bits: 7 },
    part: { bits: 5 },
    initial: { bits: 2 },
    different: { bits: -4 },
  },
  // Nobody writes it but to tell two apart.
  generation: { exact: { bits: 2 }, different: { bits: -15 } },
  organisation: {
    exact: { bits: 10 },
    typo: { bits: 9 },
    close: { bits: 8 },
    part: { bits: 5 },
    initial: { bits: 0 },
    different: { bits: -6 },
    person: { bits: -12 },
  },
  birth: { exact: { bits: 13 }, near: { bits: 7 }, part: { bits: 1 }, different: { bits: -5 } },
  street: { exact: { bits: 12 }, near: { bits: 7 }, street: { bits: 3 }, different: { bits: -2 } },
  place: { exact: { bits: 9 }, near: { bits: 6 }, different: { bits: -2 } },
  phone: { exact: { bits: 14, own: 3 }, near: { bits: 6 }, different: { bits: -1 } },
  email: { exact: { bits: 14, own: 4 }, near: { bits: 6, own: 1 }, mailbox: { bits: 2 }, different: { bits: -1 } },
  // A mailbox of the same name at another provider says little more than the name.
  papers: { exact: { bits: 18 }, near: { bits: 8 }, different: { bits: -6 } },
};
