import type { Field } from './compare.ts';

/** What an outcome of a comparison is worth: bits, log2 of how much likelier it is among records of one person than of two. */
export interface Weight {
  /** Against two who have nothing to do with each other. */
  readonly bits: number;
  /** Against two of one household; as `bits` when left out. */
  readonly kin?: number;
}

export type Weights = Readonly<Record<Field, Readonly<Record<string, Weight>>>>;

/**
 * How often an outcome is seen among records of one person (`m`), of two who have nothing to do with each other (`u`), and of two of
 * one household (`h`).
 */
const of = (m: number, u: number, h?: number): Weight => ({
  bits: Math.log2(m / u),
  ...(h !== undefined && { kin: Math.log2(m / h) }),
});

/**
 * Fixed by reasoning, some revised in view of errors on the truth set (docs/identity.md), so that the score of two records depends on nothing but them, in any order of arrival.
 * Of records of one person each field is as it should be in about nine of ten; what is amiss is a slip rather than another value.
 * Of given names the common ones are borne by one in 150, of family names by one in 1,000; a birthday is shared by one pair in 20,000, in a
 * household, where there are twins, by one in 100. Whoever lives together shares family name and address, often the phone, seldom a mailbox;
 * given names are chosen there as elsewhere, but that some are named after others.
 */
export const defaultWeights: Weights = {
  given: {
    exact: of(0.8, 1 / 150, 1 / 100),
    swapped: of(0.01, 1 / 5000),
    typo: of(0.05, 1 / 2000),
    nickname: of(0.04, 1 / 1000, 1 / 750),
    close: of(0.03, 1 / 300),
    part: of(0.01, 1 / 100, 1 / 20),
    // How many write an initial is the same everywhere; of other people's one in a dozen fits.
    initial: of(0.03, 0.03 / 12),
    // Whom one is called after changes with a marriage, how one is called hardly ever does.
    different: of(0.015, 0.95),
  },
  family: {
    exact: of(0.85, 1 / 1000, 0.75),
    swapped: of(0.01, 1 / 5000),
    typo: of(0.04, 1 / 10_000, 0.04),
    close: of(0.03, 1 / 3000, 0.03),
    part: of(0.02, 1 / 1000, 0.02),
    initial: of(0.01, 0.01 / 12, 0.01),
    different: of(0.04, 0.99, 0.25),
  },
  // Nobody writes it but to tell two apart.
  generation: { exact: of(0.98, 0.3), different: of(1 / 10_000, 0.7) },
  organisation: {
    exact: of(0.7, 1 / 2000),
    typo: of(0.05, 1 / 10_000),
    close: of(0.1, 1 / 3000),
    part: of(0.1, 1 / 100),
    initial: of(0.01, 1 / 15),
    different: of(0.04, 0.98),
    person: of(0.0002, 1),
  },
  employer: {
    exact: of(0.5, 1 / 1000, 1 / 30),
    typo: of(0.03, 1 / 10_000, 1 / 300),
    close: of(0.1, 1 / 3000, 1 / 100),
    part: of(0.07, 1 / 100, 1 / 30),
    initial: of(0.01, 1 / 15),
    different: of(0.3, 0.98),
  },
  birth: {
    exact: of(0.9, 1 / 20_000, 1 / 100),
    near: of(0.05, 1 / 1000),
    part: of(0.02, 1 / 60),
    different: of(0.03, 0.98),
  },
  street: {
    exact: of(0.75, 1 / 20_000, 0.75),
    near: of(0.05, 1 / 5000, 0.05),
    street: of(0.02, 1 / 1000, 0.02),
    different: of(0.18, 1, 0.18),
  },
  place: { exact: of(0.7, 1 / 1000, 0.7), near: of(0.15, 1 / 200, 0.15), different: of(0.15, 1, 0.15) },
  phone: { exact: of(0.5, 1 / 100_000, 1 / 16), near: of(0.02, 1 / 10_000, 0.01), different: of(0.48, 1, 0.9) },
  email: {
    exact: of(0.5, 1 / 1_000_000, 1 / 32),
    near: of(0.02, 1 / 100_000, 0.01),
    mailbox: of(0.02, 1 / 1000, 0.005),
    different: of(0.46, 1, 0.95),
  },
  papers: { exact: of(0.95, 1 / 1_000_000), near: of(0.03, 1 / 30_000), different: of(0.02, 1) },
};
