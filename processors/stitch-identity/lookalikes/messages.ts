import type { Standing } from './portrait.ts';

/** What a block found of two of its customers. */
export interface Verdict {
  readonly bits: number;
  readonly probability: number;
  /** The kind of identifier of which they would have too many together. */
  readonly tooMany: string | null;
  readonly evidence: readonly { readonly field: string; readonly level: string; readonly bits: number }[];
}

/** By customer: bits of those who are good enough to be linked with. */
export type Fits = Readonly<Record<string, number>>;

/** What customers and blocks tell each other; each goes to the key of a customer or of a block. */
export type Message =
  /** To a block: the customer has this in common with all others there. */
  | { readonly kind: 'stands'; readonly customer: string; readonly standing: Standing }
  | { readonly kind: 'leaves'; readonly customer: string }
  /** From a block to both customers of a pair. */
  | { readonly kind: 'pair'; readonly block: string; readonly other: string; readonly verdict: Verdict }
  | { readonly kind: 'unpair'; readonly block: string; readonly other: string }
  /** To the customer with the smaller id, who decides: who else fits the sender. */
  | { readonly kind: 'fits'; readonly other: string; readonly fits: Fits }
  /** From whoever decides to the other: null is no more. */
  | { readonly kind: 'linked'; readonly other: string; readonly link: Link | null }
  /** What somebody said of the receiver and another: both know it, since either may come to be the one who decides. */
  | { readonly kind: 'judged'; readonly other: string; readonly judgement: Judgement; readonly isFirst: boolean }
  /** A customer has merged into another: what was said of the one holds for the other. */
  | { readonly kind: 'renamed'; readonly from: string; readonly to: string };

/** What somebody said of a pair; the last one counts. */
export interface Judgement {
  /** Null: nothing any more. */
  readonly same: boolean | null;
  /** When, epoch milliseconds. */
  readonly at: number;
}

export interface Link {
  readonly confidence: number;
  /** likeness | judgement. */
  readonly by: string;
}
