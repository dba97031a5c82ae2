import type { ProfileChange } from '../../schemas/generated/types.ts';

/** A trait as far as messages need it. */
interface Known {
  /** JSON. */
  readonly value: string | null;
  readonly occurredAt: number;
  readonly messageId: string;
}

/** Part `a`: what messages to a customer need of him, and the last change that was looked at. */
export interface ActivationState {
  readonly traits: Readonly<Record<string, Known>>;
  /** Sequence of the last membership change that was looked at: none is twice. */
  readonly seq: number;
}

export const ACTIVATION = 'a';
export const nothingKnown: ActivationState = { traits: {}, seq: 0 };

/** The state with a trait's new value; the same reference if it knows a newer one. */
export function withTrait(state: ActivationState, { trait, value, occurredAt, messageId }: ProfileChange): ActivationState {
  return mergeTraits(state, { [trait]: { value, occurredAt, messageId } });
}

/** The newest value of each trait of both; the same reference if there is nothing new. */
export function mergeTraits(state: ActivationState, more: ActivationState['traits']): ActivationState {
  const newer = Object.entries(more).filter(([name, known]) => isNewer(known, state.traits[name]));
  return newer.length === 0 ? state : { ...state, traits: { ...state.traits, ...Object.fromEntries(newer) } };
}

/** The value of a trait; undefined if it is not known or was taken away. */
export function valueOf({ traits }: ActivationState, trait: string): unknown {
  const value: unknown = JSON.parse(traits[trait]?.value ?? 'null');
  return value ?? undefined;
}

/** All that is known, for expressions. */
export function valuesOf({ traits }: ActivationState): Readonly<Record<string, unknown>> {
  const values = Object.entries(traits).map(([name, { value }]) => [name, JSON.parse(value ?? 'null') as unknown] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== null));
}

function isNewer(known: Known, than: Known | undefined): boolean {
  if (than === undefined) return true;
  return known.occurredAt > than.occurredAt || (known.occurredAt === than.occurredAt && known.messageId > than.messageId);
}
