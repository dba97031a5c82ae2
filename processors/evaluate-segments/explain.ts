import { finite } from './membership.ts';
import type { CompiledSegment } from './segment.ts';
import { timelineOf } from './timeline.ts';
import type { Rule } from './rule.ts';

/** The truth of a part of a rule at a time, and why. */
export interface Explained {
  /** all, any, none, segment or leaf. */
  readonly kind: Rule['kind'];
  /** Name of the other segment. */
  readonly name?: string;
  readonly holds: boolean;
  /** Of a leaf: in words, without personal data. */
  readonly says?: string;
  /** Of a leaf: the events that make it so, by event time. */
  readonly because?: readonly { readonly messageId: string; readonly occurredAt: number }[];
  /** Of a leaf: when it holds otherwise, if no more events come; null if never. */
  readonly next?: number | null;
  /** Of a leaf that looks further back than the history that is there: only from here on nothing is missing. */
  readonly completeFrom?: number;
  readonly parts: readonly Explained[];
}

export interface ExplainedMembership {
  readonly member: boolean;
  /** When it changed last, and when it changes next if no more events come; null if never. */
  readonly since: number | null;
  readonly next: number | null;
  readonly version: string;
  readonly rule: Explained;
}

/** Why a customer belongs to a segment at a time, or why not. `since` is the time of his first event; `completeFrom`: from when on the history is whole, null: always. */
export function explainMembership(
  segment: CompiledSegment,
  customer: string,
  stateOf: (hash: string) => unknown,
  since: number,
  at: number,
  completeFrom: number | null = null,
): ExplainedMembership {
  const timeline = timelineOf(segment, customer, stateOf, since);
  const leaves = new Map(
    segment.leaves.map(({ hash, leaf }) => [
      hash,
      { leaf: leaf.forCustomer?.(customer) ?? leaf, state: stateOf(hash) ?? leaf.empty },
    ]),
  );
  const explain = (rule: Rule): Explained => {
    if (rule.kind === 'leaf') {
      const known = leaves.get(rule.leaf);
      if (known === undefined) return { kind: 'leaf', holds: false, parts: [] };
      const { holds, says, events } = known.leaf.explain(known.state, at);
      const { reach = Number.POSITIVE_INFINITY, events: heard } = known.leaf;
      const isCut = completeFrom !== null && heard.length > 0 && at - reach < completeFrom;
      const next = finite(known.leaf.nextChange(known.state, at));
      return { kind: 'leaf', holds, says, because: events, next, ...(isCut ? { completeFrom } : {}), parts: [] };
    }
    const parts = (rule.kind === 'segment' ? [rule.rule] : rule.rules).map(explain);
    if (rule.kind === 'segment') return { kind: 'segment', name: rule.name, holds: parts[0]?.holds ?? false, parts };
    const some = parts.some(({ holds }) => holds);
    const holds = { all: parts.every((part) => part.holds), any: some, none: !some }[rule.kind];
    return { kind: rule.kind, holds, parts };
  };
  const member = timeline.holds(at);
  const changed = timeline.lastStep(since - 1, at);
  return {
    member,
    since: changed < since ? null : changed,
    next: finite(timeline.next(at, member)),
    version: segment.version,
    rule: explain(segment.rule),
  };
}
