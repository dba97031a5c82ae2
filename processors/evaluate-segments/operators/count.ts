import { chooser, eventName, objectSchema, pathSchema, textAt, whereSchema } from '../event-fields.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { dropUpTo, entryAt, firstAfter, insert, sweep, union, type Entry } from '../sorted-log.ts';
import { holdsAt, nextFlip, type Steps } from '../steps.ts';
import { thresholdOf, thresholdSchemas, type Comparison } from '../threshold.ts';
import { meaningOfSpan, saySpan, spanOf, withinSchema } from '../window.ts';

interface CountConfig extends Readonly<Partial<Record<Comparison, number>>> {
  readonly of: string;
  readonly where?: string;
  readonly within?: string;
  readonly distinct?: string;
}

interface Counted extends Entry {
  /** Value of the property whose different values are counted; of other counts the messageId stands for it. */
  readonly v?: string;
}

interface CountState {
  readonly log: readonly Counted[];
  /** Without a window: values or ids of events so old that all are counted; no more of them than the answer depends on. */
  readonly base?: readonly string[];
}

const offered = ['at_least', 'more_than', 'at_most', 'less_than', 'exactly'] as const;

/** How many events there were within a sliding window, or ever; or how many different values of a property. */
export const count: Operator = {
  name: 'count',
  schema: objectSchema(
    'A number of events: within a time before now, or ever.',
    {
      of: eventName,
      where: whereSchema,
      within: withinSchema,
      distinct: pathSchema('Count different values of this property instead of events; events without it do not count.'),
      ...thresholdSchemas('the number', offered, { type: 'integer', minimum: 0 }),
    },
    ['of'],
  ),
  compile: (config, scope) => compileCount(config as CountConfig, scope),
};

function compileCount(config: CountConfig, scope: LeafScope): Leaf<CountState> {
  const { of, where, distinct } = config;
  const within = spanOf(config.within, 'within', scope);
  const threshold = thresholdOf(config, offered, scope);
  const chosen = chooser(config, scope);
  /** More than this many make no difference to any answer. */
  const enough = threshold.limit + 1;
  const valueOf = (entry: Counted): string => entry.v ?? entry.id;
  const folded = (values: Iterable<string>): readonly string[] => [...new Set(values)].sort().slice(0, enough);

  const steps = ({ log, base = [] }: CountState): Steps => {
    const seen = new Map<string, number>(base.map((value) => [value, 1]));
    const move = (entry: Counted, by: number): void => {
      const times = (seen.get(valueOf(entry)) ?? 0) + by;
      if (times > 0) seen.set(valueOf(entry), times);
      else seen.delete(valueOf(entry));
    };
    const times = function* (): Generator<readonly [number, boolean]> {
      for (const at of sweep(
        log,
        within,
        (entry) => move(entry, 1),
        (entry) => move(entry, -1),
      ))
        yield [at, threshold.holds(seen.size)];
    };
    return { initial: threshold.holds(seen.size), steps: times() };
  };

  return {
    meaning: { count: { of, where, within: meaningOfSpan(within), distinct, [threshold.comparison]: threshold.limit } },
    events: [of],
    monotone: threshold.monotone,
    empty: { log: [] },
    add: (state, event) => {
      if (!chosen(event)) return state;
      const v = distinct === undefined ? undefined : textAt(event.properties, distinct);
      if (distinct !== undefined && v === undefined) return state;
      const entry = { t: event.occurredAt, id: event.messageId, ...(v === undefined ? {} : { v }) };
      if (state.base?.includes(valueOf(entry)) === true) return state;
      const log = insert(state.log, entry);
      return log === state.log ? state : { ...state, log };
    },
    merge: (one, other) => {
      const log = union(one.log, other.log);
      const base = folded([...(one.base ?? []), ...(other.base ?? [])]);
      return base.length === 0 ? { log } : { log, base };
    },
    prune: (state, horizon) => {
      if (within !== Number.POSITIVE_INFINITY) {
        const log = dropUpTo(state.log, horizon - within);
        return log === state.log ? state : { log };
      }
      const old = state.log.slice(0, firstAfter(state.log, horizon));
      if (old.length === 0) return state;
      return { log: state.log.slice(old.length), base: folded([...(state.base ?? []), ...old.map(valueOf)]) };
    },
    holds: (state, at) => holdsAt(steps(state), at),
    nextChange: (state, at) => nextFlip(steps(state), at),
    eventAt: (state, at) => {
      const entry = entryAt(state.log, at);
      return entry && { messageId: entry.id, event: of };
    },
    explain: (state, at) => {
      const events = state.log.slice(firstAfter(state.log, at - within), firstAfter(state.log, at));
      const number = new Set([...(state.base ?? []), ...events.map(valueOf)]).size;
      const what = distinct === undefined ? of : `different ${distinct} of ${of}`;
      return {
        holds: threshold.holds(number),
        says: `${number}${(state.base?.length ?? 0) > 0 ? ' or more' : ''} ${what} ${saySpan(within)}, wanted ${threshold.says}`,
        events: events.map(({ t, id }) => ({ messageId: id, occurredAt: t })),
      };
    },
  };
}
