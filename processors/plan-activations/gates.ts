import type { Due } from '../../runtime/processor.ts';
import type { MembershipChange, Proof } from '../../schemas/generated/types.ts';
import type { CompiledActivation } from './activation.ts';
import { type Stale, staleInWords } from './freshness.ts';

/** A message that is about to be planned. */
export interface Planned {
  /** Its deterministic id. */
  readonly id: string;
  readonly activation: CompiledActivation;
  readonly change: MembershipChange;
  /** The address on the channel; undefined if none is known. */
  readonly to: string | undefined;
  /** Sources whose facts are older than it allows. */
  readonly stale: readonly Stale[];
  /** How fresh its facts are now. */
  readonly proof: Proof;
  /** Variables of the template. */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it is to be judged again, if it waits. */
  readonly waitsFor: readonly Due[];
  /** Traits that it still waits for. */
  readonly missing: readonly string[];
  /** Whether its condition holds. */
  readonly holds: boolean;
}

/** Why a message does not go now. */
export interface Refusal {
  /** In words, without personal data. */
  readonly reason: string;
  /** held: it is judged again when what it waits for has come. */
  readonly decision: 'dropped' | 'held' | 'would-send';
}

/** One of the reasons for which a message may be withheld. */
export interface Gate {
  /** What withholds it. */
  readonly name: string;
  /** undefined lets it pass. */
  readonly check: (planned: Planned) => Refusal | undefined;
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
    const reason = `the membership changed because ${becauseOf[kind] ?? `of a ${kind}`}, which sends no message`;
    return { reason, decision: kind === 'backfill' || kind === 'replay' ? 'would-send' : 'dropped' };
  },
};

const freshness: Gate = {
  name: 'freshness',
  check: ({ activation, stale }) => {
    const beyond = activation.freshness?.beyond;
    if (stale.length === 0 || beyond === 'send_anyway') return undefined;
    return { reason: staleInWords(stale), decision: beyond === 'drop' ? 'dropped' : 'held' };
  },
};

const address: Gate = {
  name: 'address',
  check: ({ activation, to }) =>
    to === undefined ? { reason: `no address for ${activation.channel} is known`, decision: 'dropped' } : undefined,
};

const enrichment: Gate = {
  name: 'enrichment',
  check: ({ missing }) =>
    missing.length === 0 ? undefined : { reason: `waits for ${missing.join(', ')}, which may still come`, decision: 'held' },
};

const condition: Gate = {
  name: 'condition',
  check: ({ activation, holds }) =>
    holds ? undefined : { reason: `its condition does not hold: ${activation.condition?.text ?? ''}`, decision: 'dropped' },
};

/** In the order in which they are asked; the first that withholds is the reason. */
export const gates: readonly Gate[] = [cause, address, enrichment, freshness, condition];
