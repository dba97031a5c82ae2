import type { EventAt } from './operator.ts';
import { ruleHolds } from './rule.ts';
import type { CompiledSegment } from './segment.ts';

/** Membership of one customer in one segment as a function of event time, by the events known. */
export interface Timeline {
  holds(at: number): boolean;
  /** The first time after `at` at which the truth is other than `is`; +Infinity if there is none. */
  next(at: number, is: boolean): number;
  /** The last time from `from` up to `to` at which the truth changed; `from` if it did not. */
  lastStep(from: number, to: number): number;
  /** The event at exactly this time, if one of those it listens to happened then. */
  eventAt(at: number): EventAt | undefined;
}

/** `stateOf` gives the state of a leaf (undefined: nothing yet); before `since` the customer did not exist, so nothing holds. */
export function timelineOf(
  segment: CompiledSegment,
  customer: string,
  stateOf: (hash: string) => unknown,
  since: number,
): Timeline {
  const leaves = new Map(
    segment.leaves.map(({ hash, leaf }) => [
      hash,
      { leaf: leaf.forCustomer?.(customer) ?? leaf, state: stateOf(hash) ?? leaf.empty },
    ]),
  );
  const holds = (at: number): boolean =>
    at >= since &&
    ruleHolds(segment.rule, (hash) => {
      const known = leaves.get(hash);
      return known !== undefined && known.leaf.holds(known.state, at);
    });
  const candidate = (at: number): number => {
    let next = since > at ? since : Number.POSITIVE_INFINITY;
    for (const { leaf, state } of leaves.values()) next = Math.min(next, leaf.nextChange(state, at));
    return next;
  };
  const next = (at: number, is: boolean): number => {
    let time = candidate(at);
    while (time !== Number.POSITIVE_INFINITY && holds(time) === is) time = candidate(time);
    return time;
  };
  return {
    holds,
    next,
    lastStep: (from, to) => {
      let step = from;
      let truth = holds(from);
      for (let time = next(step, truth); time <= to; time = next(step, truth)) {
        step = time;
        truth = !truth;
      }
      return step;
    },
    eventAt: (at) => {
      for (const { leaf, state } of leaves.values()) {
        const event = leaf.eventAt(state, at);
        if (event !== undefined) return event;
      }
      return undefined;
    },
  };
}
