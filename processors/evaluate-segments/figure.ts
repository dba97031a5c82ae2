import type { JsonSchema } from '../../schemas/config.ts';
import { amountSchemas, amountsOf, convertSchema, currencySchema, sayMixed, UNIT, type AmountFields } from './amounts.ts';
import { objectSchema } from '../../schemas/schema-parts.ts';
import { asSchema, chooser, eventName, whereSchema } from './event-fields.ts';
import type { Leaf, LeafScope, Operator } from './operator.ts';
import type { Entry } from './sorted-log.ts';
import { thresholdOf, thresholdSchemas, type Comparison } from './threshold.ts';
import { windowOf, windowSchemas, type WindowFields } from './window.ts';
import { windowedLeaf, type Tally, type WindowedState } from './windowed.ts';

export interface FigureConfig extends AmountFields, WindowFields, Readonly<Partial<Record<Comparison, number>>> {
  readonly of: string;
  readonly where?: string;
}

/** Amounts of one event, or of several, in millionths. */
export interface Amounts extends Entry {
  readonly a: number;
  /** How many amounts it stands for; one when left out. */
  readonly n?: number;
  /** Their currency. An event whose amounts have several has them all, by comma. */
  readonly c?: string;
}

/** The amounts in the window. */
export interface Running {
  readonly add: (entry: Amounts) => void;
  readonly remove: (entry: Amounts) => void;
  /** Undefined where there is none, e.g. the average of nothing. */
  readonly read: () => number | undefined;
}

/** How amounts are taken together. */
export interface FigureKind {
  readonly name: string;
  readonly description: string;
  /** What the threshold is about, e.g. `the sum`. */
  readonly figure: string;
  readonly running: () => Running;
  /** Two amounts of one time or bucket as one. */
  readonly combine: (one: number, other: number) => number;
  /** Threshold under which more amounts can turn it true, never false. */
  readonly monotone: (comparison: Comparison) => boolean;
}

const offered = ['at_least', 'more_than', 'at_most', 'less_than'] as const;

export const figureSchemas: Readonly<Record<string, JsonSchema>> = {
  of: eventName,
  where: whereSchema,
  ...amountSchemas,
  currency: currencySchema,
  convert_to: convertSchema,
  ...windowSchemas,
  as: asSchema,
};

export const limitSchemas = (figure: string): ReturnType<typeof thresholdSchemas> =>
  thresholdSchemas(figure, offered, { type: 'number' });

/** An operator that compares a figure over amounts with a limit. Amounts of different currencies are never taken together. */
export function figureOperator(kind: FigureKind): Operator {
  return {
    name: kind.name,
    schema: objectSchema(kind.description, { ...figureSchemas, ...limitSchemas(kind.figure) }, ['of', 'value']),
    compile: (config, scope) => compileFigure(kind, config as FigureConfig, scope),
  };
}

export function compileFigure(kind: FigureKind, config: FigureConfig, scope: LeafScope): Leaf<WindowedState<Amounts>> {
  const { of, where, each, value, currency, convert_to } = config;
  const window = windowOf(config, scope);
  const threshold = thresholdOf(config, offered, scope);
  const chosen = chooser(config, scope);
  const amounts = amountsOf(config, scope);
  const says = (found: string): string => `${kind.figure} over ${of} ${window.says} is ${found}, wanted ${threshold.says}`;

  const tally = (): Tally<Amounts> => {
    const running = kind.running();
    const currencies = new Map<string, number>();
    const move = ({ c = '' }: Amounts, by: number): void => {
      for (const each of c.split(',')) {
        const times = (currencies.get(each) ?? 0) + by;
        if (times > 0) currencies.set(each, times);
        else currencies.delete(each);
      }
    };
    return {
      add: (entry) => {
        running.add(entry);
        move(entry, 1);
      },
      remove: (entry) => {
        running.remove(entry);
        move(entry, -1);
      },
      read: () => {
        if (currencies.size > 1) return { holds: false, value: null, says: () => sayMixed(currencies.keys()) };
        const figure = running.read();
        if (figure === undefined) return { holds: false, value: null, says: () => says('none') };
        return { holds: threshold.holds(figure / UNIT), value: figure / UNIT, says: () => says(String(figure / UNIT)) };
      },
    };
  };

  const leaf = windowedLeaf<Amounts>({
    meaning: {
      [kind.name]: { of, where, each, value, currency, convert_to, ...window.meaning, [threshold.comparison]: threshold.limit },
    },
    of,
    window,
    monotone: (currency ?? convert_to) !== undefined && kind.monotone(threshold.comparison),
    timezone: scope.timezone,
    read: (event, note) => {
      if (!chosen(event)) return undefined;
      const all = amounts(event, note);
      const [first, ...rest] = all.map(({ amount }) => amount);
      if (first === undefined) return undefined;
      const c = [...new Set(all.map(({ currency = '' }) => currency))].sort().join(',');
      const a = rest.reduce(kind.combine, first);
      return { a, ...(rest.length === 0 ? {} : { n: all.length }), ...(c === '' ? {} : { c }) };
    },
    tally,
    key: ({ c = '' }) => c,
    combine: (older, newer) => ({ ...newer, a: kind.combine(older.a, newer.a), n: (older.n ?? 1) + (newer.n ?? 1) }),
  });
  return convert_to === undefined || scope.rates === undefined ? leaf : { ...leaf, rates: scope.rates };
}

/** For a figure that is one of the amounts: keeps all of them, and looks for it anew only when it has gone. */
export function extreme(better: (one: number, other: number) => boolean): () => Running {
  return () => {
    const amounts = new Map<number, number>();
    let best: number | undefined;
    return {
      add: ({ a }) => {
        amounts.set(a, (amounts.get(a) ?? 0) + 1);
        if (best === undefined || better(a, best)) best = a;
      },
      remove: ({ a }) => {
        const times = (amounts.get(a) ?? 0) - 1;
        if (times > 0) amounts.set(a, times);
        else amounts.delete(a);
        if (times > 0 || a !== best) return;
        best = undefined;
        for (const each of amounts.keys()) if (best === undefined || better(each, best)) best = each;
      },
      read: () => best,
    };
  };
}
