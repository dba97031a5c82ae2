import { ofLast } from './memo.ts';
import type { EventAt, Leaf, LeafEvent, Note } from './operator.ts';
import { entryAt, firstAfter, insert, union, type Entry } from './sorted-log.ts';
import { holdsAt, nextFlip, type Steps } from './steps.ts';

/** Truth over time by a log: any function of its entries. */
export interface Truth {
  holds(at: number): boolean;
  /** The first time after `at` with another truth; +Infinity if there is none. */
  next(at: number): number;
}

export interface LogLeafSpec<E extends Entry> {
  readonly meaning: unknown;
  readonly events: readonly string[];
  readonly monotone?: boolean;
  /** As that of the leaf. */
  readonly reach?: number;
  /** What is kept of an event; undefined if it does not concern the leaf. */
  read(event: LeafEvent, note: Note): Omit<E, keyof Entry> | undefined;
  /** The truth by the log; it ignores entries after the time asked for. */
  truth(log: readonly E[]): Truth;
  /** Of the log the entries that questions from `horizon` on need, later events counted in. May replace entries. */
  keep(log: readonly E[], horizon: number): readonly E[];
  /** Name of the event of an entry. */
  named(entry: E): string;
  /** Why it holds or not: by the log up to the time. */
  explain(log: readonly E[], at: number, holds: boolean): { readonly says: string; readonly because: readonly Entry[] };
  /** A log that says the same with fewer entries, whatever else may be added. */
  reduce?(log: readonly E[]): readonly E[];
}

export interface LogState<E> {
  readonly log: readonly E[];
}

/** A leaf whose state is its events in order, and whose answers are a pure function of them. */
export function logLeaf<E extends Entry>(spec: LogLeafSpec<E>): Leaf<LogState<E>> {
  // One decision asks a log for what holds, when that changes, and what holds then.
  const truthOf = ofLast((log: readonly E[]) => spec.truth(log));
  const reduced = (log: readonly E[]): readonly E[] => spec.reduce?.(log) ?? log;
  const eventAt = ({ log }: LogState<E>, at: number): EventAt | undefined => {
    const entry = entryAt(log, at);
    return entry && { messageId: entry.id, event: spec.named(entry) };
  };
  return {
    meaning: spec.meaning,
    events: [...new Set(spec.events)].sort(),
    monotone: spec.monotone ?? false,
    ...(spec.reach === undefined ? {} : { reach: spec.reach }),
    empty: { log: [] },
    add: (state, event, note) => {
      const read = spec.read(event, note);
      if (read === undefined) return state;
      const log = reduced(insert(state.log, { t: event.occurredAt, id: event.messageId, ...read } as unknown as E));
      return sameEntries(log, state.log) ? state : { log };
    },
    merge: (one, other) => ({ log: reduced(union(one.log, other.log)) }),
    prune: (state, horizon) => {
      const log = spec.keep(state.log, horizon);
      return sameEntries(log, state.log) ? state : { log };
    },
    holds: ({ log }, at) => truthOf(log).holds(at),
    nextChange: ({ log }, at) => truthOf(log).next(at),
    eventAt,
    explain: ({ log }, at) => {
      const known = log.slice(0, firstAfter(log, at));
      const holds = spec.truth(log).holds(at);
      const { says, because } = spec.explain(known, at, holds);
      return { holds, says, events: because.map(({ t, id }) => ({ messageId: id, occurredAt: t })) };
    },
  };
}

/** Truth that changes at given steps. */
export function stepwise(steps: () => Steps): Truth {
  let known: Steps | undefined;
  const all = (): Steps => {
    if (known === undefined) {
      const { initial, steps: each } = steps();
      known = { initial, steps: [...each] };
    }
    return known;
  };
  return { holds: (at) => holdsAt(all(), at), next: (at) => nextFlip(all(), at) };
}

/** Truth that holds in spans of time, which may overlap: from the first, until before the second. */
export function spanwise(spans: Iterable<readonly [from: number, until: number]>): Truth {
  const edges: [at: number, by: number][] = [];
  for (const [from, until] of spans) if (until > from) edges.push([from, 1], [until, -1]);
  edges.sort(([one], [other]) => one - other);
  const times = function* (): Generator<readonly [number, boolean]> {
    let held = 0;
    for (const [index, [at, by]] of edges.entries()) {
      held += by;
      if (edges[index + 1]?.[0] !== at && at !== Number.POSITIVE_INFINITY) yield [at, held > 0];
    }
  };
  return stepwise(() => ({ initial: false, steps: times() }));
}

function sameEntries(one: readonly Entry[], other: readonly Entry[]): boolean {
  return one === other || (one.length === other.length && one.every((entry, index) => entry === other[index]));
}
