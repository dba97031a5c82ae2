import type { Identifier } from '../../schemas/generated/types.ts';

/** An event as its source tells it, before the stamps. */
export interface Draft {
  readonly type: string;
  readonly event: string;
  /** Null: the source gave it none. */
  readonly messageId: string | null;
  /** When it happened; null: not said. Epoch milliseconds, as all times here. */
  readonly occurredAt: number | null;
  /** The same by the clock of the device that sent it, which its sending time can correct; null: there is no such clock. */
  readonly deviceAt: number | null;
  readonly asOf: number | null;
  /** It is the last of its batch. */
  readonly endsBatch?: boolean;
  /** Normalised, the primary one first; at least one. */
  readonly identifiers: readonly Identifier[];
  /** Identifiers that were given but name nobody, by kind. */
  readonly ignored: readonly string[];
  readonly properties: object;
  readonly traits: object;
  readonly context: object;
}

/** What becomes of a raw record. */
export type Outcome =
  | { readonly kind: 'event'; readonly draft: Draft }
  | { readonly kind: 'skipped'; readonly reason: string; /** As of which it ends a batch. */ readonly ends?: number }
  | { readonly kind: 'refused'; readonly step: 'transform' | 'validate'; readonly reason: string };

/** A field is not what it should be. The reason names the field and what was expected, not what was found. */
export function invalid(field: string, expected: string): Outcome {
  return { kind: 'refused', step: 'validate', reason: `${field}: expected ${expected}` };
}
