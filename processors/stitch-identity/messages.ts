import type { TaggedEvent } from '../../schemas/generated/types.ts';
import type { PackedComponent } from './packed.ts';
import type { Word } from './cuts.ts';
import type { Interval, Timeline } from './timeline.ts';

/** A sighting that its primary identifier wants decided; `x` is where it comes from and where the answer goes. */
export interface Ask {
  readonly x: string;
  readonly y: string;
  readonly xKind: string;
  readonly yKind: string;
  readonly at: number;
  /** The event that brought it, if known. */
  readonly cause: string | null;
  /** Not a sighting, but the word of an operator on the two, under the id of the command. */
  readonly word?: Word;
}

/** What identifiers tell each other; each message goes to the key of an identifier. */
export type Message =
  /** Up to the root of `x`. */
  | { readonly kind: 'edge'; readonly ask: Ask }
  /** Up to the root of the other end, from `root` (with so many edges): the lower of the two roots joins the higher. */
  | { readonly kind: 'find'; readonly ask: Ask; readonly root: string; readonly rank: number; readonly edges: number }
  /** Up to the root of one end: the other is crowded. */
  | { readonly kind: 'void'; readonly ask: Ask }
  /** Up to the root: a component whose root is one no more. */
  | { readonly kind: 'join'; readonly ask: Ask; readonly component: PackedComponent }
  /** Up to the root: a member had no customer when an event came, and began one. */
  | { readonly kind: 'founded'; readonly key: string; readonly customer: string; readonly seen: number }
  /** From the root to a member: to whom it belongs, and the customers that it is to seal for their winners. */
  | {
      readonly kind: 'label';
      readonly root: string;
      readonly timeline: Timeline | null;
      readonly seals: readonly { readonly loser: string; readonly winner: string }[];
      readonly crowded: boolean;
    }
  /** To `x`: how it stands with `y`. `at`: the sighting that is decided with it, if any. `closed`: no more of this pair. */
  | {
      readonly kind: 'answer';
      readonly y: string;
      readonly at: number | null;
      readonly foreign: readonly Interval[];
      readonly closed: boolean;
    }
  /** An event whose primary identifier is blocked, to the next one; `from` waits for `taken`. */
  | { readonly kind: 'event'; readonly event: TaggedEvent; readonly from: string }
  | { readonly kind: 'taken'; readonly messageId: string };
