import { ConfigProblem } from '../../schemas/config.ts';
import { amountsOf, sayMixed, UNIT, type AmountFields } from './amounts.ts';
import { inCancelOrder, OpenPurchases, type Keyed, type Line } from './cancellations.ts';
import { chooser, textAt } from './event-fields.ts';
import type { FigureConfig } from './figure.ts';
import type { Leaf, LeafEvent, LeafScope, Note } from './operator.ts';
import { dropUpTo, entryAt, insert, sweep, union } from './sorted-log.ts';
import { holdsAt, nextFlip, type Steps } from './steps.ts';
import { thresholdOf } from './threshold.ts';
import { meaningOfSpan, saySpan, spanOf } from './window.ts';

export interface NetSumConfig extends FigureConfig {
  readonly minus: AmountFields & { readonly of: string; readonly where?: string; readonly match: string };
}

interface NetSumState {
  /** Events whose amounts add up. */
  readonly log: readonly Line[];
  /** Events whose amounts are taken from those of `log`. */
  readonly minus?: readonly Line[];
}

const offered = ['at_least', 'more_than', 'at_most', 'less_than'] as const;

/** A sum less what later events cancel: within a time before now, or ever. */
export function compileNetSum(config: NetSumConfig, scope: LeafScope): Leaf<NetSumState> {
  const { of, where, each, value, currency, minus } = config;
  for (const field of ['during', 'older_than', 'precision', 'zone', 'as', 'convert_to'])
    if (Object.hasOwn(config, field))
      throw new ConfigProblem([...scope.path, field], 'cannot stand beside minus, only within can');
  const within = spanOf(config.within, 'within', scope);
  const threshold = thresholdOf(config, offered, scope);
  const chosen = chooser(config, scope);
  const amounts = keyed(config, { match: minus.match, needed: false }, scope);
  const minusScope = { ...scope, path: [...scope.path, 'minus'] };
  const cancels = chooser(minus, minusScope);
  const cancelled = keyed(minus, { match: minus.match, needed: true }, minusScope);

  /** Walks through time; yields the sum from each time on. */
  function* sums(
    state: NetSumState,
    onCancelled: (unmatched: number) => void = () => undefined,
  ): Generator<readonly [at: number, open: OpenPurchases]> {
    const open = new OpenPurchases();
    const arrive = ({ line, cancels }: { line: Line; cancels: boolean }): void => {
      if (cancels) onCancelled(open.cancel(line));
      else open.buy(line);
    };
    const expire = ({ line, cancels }: { line: Line; cancels: boolean }): void => {
      if (!cancels) open.expire(line);
    };
    for (const at of sweep(inCancelOrder(state.log, state.minus ?? []), within, arrive, expire)) yield [at, open];
  }
  const holds = (open: OpenPurchases): boolean => open.currencies.size < 2 && threshold.holds(open.total / UNIT);
  const steps = (state: NetSumState): Steps => ({
    initial: threshold.holds(0),
    steps: (function* () {
      for (const [at, open] of sums(state)) yield [at, holds(open)] as const;
    })(),
  });
  /** How many cancellations have an amount for which there is no purchase. */
  const unmatched = (state: NetSumState): number => {
    let found = 0;
    const walk = sums(state, (rest) => {
      if (rest > 0) found += 1;
    });
    while (walk.next().done !== true);
    return found;
  };
  /** In any order of arrival `unmatched` less `unmatched-undone` is what it would be in the order of time. */
  const compare = (before: NetSumState, after: NetSumState, note: Note): void => {
    if (after === before || after.minus === undefined) return;
    const more = unmatched(after) - unmatched(before);
    for (let times = Math.abs(more); times > 0; times--) note(more > 0 ? 'unmatched' : 'unmatched-undone');
  };

  return {
    meaning: {
      sum: { of, where, each, value, currency, within: meaningOfSpan(within), minus, [threshold.comparison]: threshold.limit },
    },
    events: minus.of === of ? [of] : [of, minus.of],
    monotone: false,
    reach: within,
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
      return { log: union(one.log, other.log), ...(minus.length === 0 ? {} : { minus }) };
    },
    prune: (state, horizon) => {
      const log = dropUpTo(state.log, horizon - within);
      const minus = dropUpTo(state.minus ?? [], horizon - within);
      if (log === state.log && minus.length === (state.minus?.length ?? 0)) return state;
      return minus.length === 0 ? { log } : { log, minus };
    },
    holds: (state, at) => holdsAt(steps(state), at),
    nextChange: (state, at) => nextFlip(steps(state), at),
    eventAt: (state, at) => {
      const entry = entryAt(state.minus ?? [], at);
      if (entry !== undefined) return { messageId: entry.id, event: minus.of };
      const bought = entryAt(state.log, at);
      return bought && { messageId: bought.id, event: of };
    },
    explain: (state, at) => {
      let [truth, says] = [threshold.holds(0), `0 over ${of}`];
      for (const [time, open] of sums(state)) {
        if (time > at) break;
        truth = holds(open);
        says = open.currencies.size > 1 ? sayMixed(open.currencies.keys()) : `${open.total / UNIT} over ${of}`;
      }
      const inWindow = [...state.log, ...(state.minus ?? [])].filter(({ t }) => t <= at && t > at - within);
      return {
        holds: truth,
        says: `${says} ${saySpan(within)}, less ${minus.of}, wanted ${threshold.says}`,
        events: inWindow.sort((one, other) => one.t - other.t).map(({ t, id }) => ({ messageId: id, occurredAt: t })),
      };
    },
  };
}

/** Amounts of one event by the property that says which belong together. Items without it have the empty key, or do not count. */
function keyed(
  fields: AmountFields,
  { match, needed }: { readonly match: string; readonly needed: boolean },
  scope: LeafScope,
): (event: LeafEvent, note: Note) => Keyed {
  const amounts = amountsOf(fields, scope);
  return (event, note) => {
    const byKey = new Map<string, [key: string, amount: number, currency: string]>();
    for (const { item, amount, currency = '' } of amounts(event, note)) {
      const key = textAt(item, match) ?? (needed ? undefined : '');
      if (key === undefined) {
        note('no-amount');
        continue;
      }
      const together = `${key}\0${currency}`;
      byKey.set(together, [key, (byKey.get(together)?.[1] ?? 0) + amount, currency]);
    }
    const sorted = [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
    return sorted.map(([key, amount, currency]) => (currency === '' ? [key, amount] : [key, amount, currency]));
  };
}
