import type { MembershipChange } from '../../schemas/generated/types.ts';
import type { CompiledActivation } from './activation.ts';

/** A message that is about to be planned. */
export interface Planned {
  readonly activation: CompiledActivation;
  readonly change: MembershipChange;
  /** The address on the channel; undefined if none is known. */
  readonly to: string | undefined;
}

/** One of the reasons for which a message may be withheld. */
export interface Gate {
  /** What withholds it. */
  readonly name: string;
  /** Why it is withheld, in words without personal data; undefined lets it pass. */
  readonly check: (planned: Planned) => string | undefined;
}

const becauseOf: Readonly<Record<string, string>> = {
  backfill: 'history is being loaded',
  replay: 'it comes from a replay',
  merge: 'two customers turned out to be one',
  split: 'a customer turned out to be two',
  correction: 'an event that came late corrects an earlier decision',
  'rule-change': 'the rule was changed',
};

const cause: Gate = {
  name: 'cause',
  check: ({ activation, change }) => {
    const { kind } = change.cause;
    if (activation.onCauses.includes(kind)) return undefined;
    return `the membership changed because ${becauseOf[kind] ?? `of a ${kind}`}, which sends no message`;
  },
};

const address: Gate = {
  name: 'address',
  check: ({ activation, to }) => (to === undefined ? `no address for ${activation.channel} is known` : undefined),
};

/** In the order in which they are asked; the first that withholds is the reason. */
export const gates: readonly Gate[] = [cause, address];
