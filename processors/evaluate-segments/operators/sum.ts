import { amountsOf, UNIT } from '../amounts.ts';
import { inCancelOrder, OpenPurchases, type Line } from '../cancellations.ts';
import { chooser, eventName, objectSchema, pathSchema, whereSchema } from '../event-fields.ts';
import type { Leaf, LeafScope, Note, Operator } from '../operator.ts';
import { dropUpTo, entryAt, firstAfter, insert, sweep, union } from '../sorted-log.ts';
import { holdsAt, nextFlip, type Steps } from '../steps.ts';
import { thresholdOf, thresholdSchemas, type Comparison } from '../threshold.ts';
import { meaningOfSpan, saySpan, spanOf, withinSchema } from '../window.ts';

interface AmountConfig {
  readonly of: string;
  readonly where?: string;
  readonly each?: string;
  readonly value: string;
}

interface SumConfig extends AmountConfig, Readonly<Partial<Record<Comparison, number>>> {
  readonly within?: string;
  readonly minus?: AmountConfig & { readonly match: string };
}

interface SumState {
  /** Events whose amounts add up. */
  readonly log: readonly Line[];
  /** Events whose amounts are taken from those of `log`. */
  readonly minus?: readonly Line[];
  /** Without a window and cancellations: the amounts of events so old that all are counted. */
  readonly base?: number;
}

const offered = ['at_least', 'more_than', 'at_most', 'less_than'] as const;

const amountFields = {
  of: eventName,
  where: whereSchema,
  each: {
    type: 'string',
    minLength: 1,
    description: 'Property that holds a list whose elements have the amounts, e.g. products.',
  },
  value: {
    type: 'string',
    minLength: 1,
    description: 'The amount: a CEL expression over `item` (the element of the list, else the properties) and `properties`.',
  },
} as const;

/** The sum of amounts within a sliding window, or ever; less the amounts that later events cancel. */
export const sum: Operator = {
  name: 'sum',
  schema: objectSchema(
    'A sum over events: within a time before now, or ever.',
    {
      ...amountFields,
      within: withinSchema,
      minus: objectSchema(
        'Events that cancel: each takes its amount, whatever its sign, from the newest earlier one with the same key, what is more from the one before.',
        { ...amountFields, match: pathSchema('Property of the item that says which belong together.') },
        ['of', 'value', 'match'],
      ),
      ...thresholdSchemas('the sum', offered, { type: 'number' }),
    },
    ['of', 'value'],
  ),
  compile: (config, scope) => compileSum(config as SumConfig, scope),
};

function compileSum(config: SumConfig, scope: LeafScope): Leaf<SumState> {
  const { of, where, each, value, minus } = config;
  const within = spanOf(config.within, 'within', scope);
  const threshold = thresholdOf(config, offered, scope);
  const chosen = chooser(config, scope);
  const amounts = amountsOf(config, minus && { match: minus.match, needed: false }, scope);
  const minusScope = { ...scope, path: [...scope.path, 'minus'] };
  const cancels = minus === undefined ? () => false : chooser(minus, minusScope);
  const cancelled = minus === undefined ? () => [] : amountsOf(minus, { match: minus.match, needed: true }, minusScope);

  /** Walks through time; yields the sum from each time on. */
  function* sums(
    state: SumState,
    onCancelled: (unmatched: number) => void = () => undefined,
  ): Generator<readonly [at: number, sum: number]> {
    const open = new OpenPurchases();
    const base = state.base ?? 0;
    const arrive = ({ line, cancels }: { line: Line; cancels: boolean }): void => {
      if (cancels) onCancelled(open.cancel(line));
      else open.buy(line);
    };
    const expire = ({ line, cancels }: { line: Line; cancels: boolean }): void => {
      if (!cancels) open.expire(line);
    };
    for (const at of sweep(inCancelOrder(state.log, state.minus ?? []), within, arrive, expire)) yield [at, base + open.total];
  }
  const holds = (sum: number): boolean => threshold.holds(sum / UNIT);
  const steps = (state: SumState): Steps => ({
    initial: holds(state.base ?? 0),
    steps: (function* () {
      for (const [at, sum] of sums(state)) yield [at, holds(sum)] as const;
    })(),
  });
  /** How many cancellations have an amount for which there is no purchase. */
  const unmatched = (state: SumState): number => {
    let found = 0;
    const walk = sums(state, (rest) => {
      if (rest > 0) found += 1;
    });
    while (walk.next().done !== true);
    return found;
  };
  /** In any order of arrival `unmatched` less `unmatched-undone` is what it would be in the order of time. */
  const compare = (before: SumState, after: SumState, note: Note): void => {
    if (after === before || after.minus === undefined) return;
    const more = unmatched(after) - unmatched(before);
    for (let times = Math.abs(more); times > 0; times--) note(more > 0 ? 'unmatched' : 'unmatched-undone');
  };

  return {
    meaning: {
      sum: { of, where, each, value, within: meaningOfSpan(within), minus, [threshold.comparison]: threshold.limit },
    },
    events: minus === undefined || minus.of === of ? [of] : [of, minus.of],
    monotone: threshold.monotone && minus === undefined,
    empty: { log: [] },
    add: (state, event, note) => {
      const line = (k: Line['k']): Line => ({ t: event.occurredAt, id: event.messageId, k });
      let next = state;
      if (chosen(event)) {
        const k = amounts(event, note);
        const log = k.length === 0 ? next.log : insert(next.log, line(k));
        if (log !== next.log) next = { ...next, log };
      }
      if (cancels(event)) {
        const added = line(cancelled(event, note));
        const before = next.minus ?? [];
        const log = added.k.length === 0 ? before : insert(before, added);
        if (log !== before) next = { ...next, minus: log };
      }
      compare(state, next, note);
      return next;
    },
    merge: (one, other) => {
      const minus = union(one.minus ?? [], other.minus ?? []);
      const base = (one.base ?? 0) + (other.base ?? 0);
      return {
        log: union(one.log, other.log),
        ...(minus.length === 0 ? {} : { minus }),
        ...(base === 0 ? {} : { base }),
      };
    },
    prune: (state, horizon) => {
      if (within !== Number.POSITIVE_INFINITY) {
        const log = dropUpTo(state.log, horizon - within);
        const minus = dropUpTo(state.minus ?? [], horizon - within);
        if (log === state.log && minus.length === (state.minus?.length ?? 0)) return state;
        return minus.length === 0 ? { log } : { log, minus };
      }
      const old = state.log.slice(0, firstAfter(state.log, horizon));
      if (minus !== undefined || old.length === 0) return state;
      const more = old.reduce((total, { k }) => k.reduce((sum, [, amount]) => sum + amount, total), 0);
      return { log: state.log.slice(old.length), base: (state.base ?? 0) + more };
    },
    holds: (state, at) => holdsAt(steps(state), at),
    nextChange: (state, at) => nextFlip(steps(state), at),
    eventAt: (state, at) => {
      const entry = entryAt(state.minus ?? [], at);
      if (entry !== undefined) return { messageId: entry.id, event: minus?.of ?? of };
      const bought = entryAt(state.log, at);
      return bought && { messageId: bought.id, event: of };
    },
    explain: (state, at) => {
      let total = state.base ?? 0;
      for (const [time, sum] of sums(state)) if (time <= at) total = sum;
      const from = firstAfter(state.log, at - within);
      const events = [
        ...state.log.slice(from, firstAfter(state.log, at)),
        ...(state.minus ?? []).filter(({ t }) => t <= at && t > at - within),
      ];
      return {
        holds: holds(total),
        says: `${total / UNIT} over ${of} ${saySpan(within)}, wanted ${threshold.says}`,
        events: events.sort((one, other) => one.t - other.t).map(({ t, id }) => ({ messageId: id, occurredAt: t })),
      };
    },
  };
}
