import { objectSchema } from '../../../schemas/schema-parts.ts';
import { asSchema, chooser, eventName, pathSchema, textAt, whereSchema } from '../event-fields.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import type { Entry } from '../sorted-log.ts';
import { thresholdOf, thresholdSchemas, type Comparison } from '../threshold.ts';
import { windowOf, windowSchemas, type WindowFields } from '../window.ts';
import { windowedLeaf, type Tally, type WindowedState } from '../windowed.ts';

interface CountConfig extends WindowFields, Readonly<Partial<Record<Comparison, number>>> {
  readonly of: string;
  readonly where?: string;
  readonly distinct?: string;
  readonly as?: string;
}

interface Counted extends Entry {
  /** Value of the property whose different values are counted. */
  readonly v?: string;
  /** How many events it stands for; one when left out. */
  readonly n?: number;
}

const offered = ['at_least', 'more_than', 'at_most', 'less_than', 'exactly'] as const;

/** How many events there were in a window, or ever; or how many different values of a property. */
export const count: Operator = {
  name: 'count',
  schema: objectSchema(
    'A number of events: within a time before now, in a period of the calendar, or ever.',
    {
      of: eventName,
      where: whereSchema,
      ...windowSchemas,
      distinct: pathSchema('Count different values of this property instead of events; events without it do not count.'),
      ...thresholdSchemas('the number', offered, { type: 'integer', minimum: 0 }),
      as: asSchema,
    },
    ['of'],
  ),
  compile: (config, scope) => compileCount(config as CountConfig, scope),
};

function compileCount(config: CountConfig, scope: LeafScope): Leaf<WindowedState<Counted>> {
  const { of, where, distinct } = config;
  const window = windowOf(config, scope);
  const threshold = thresholdOf(config, offered, scope);
  const chosen = chooser(config, scope);
  const what = distinct === undefined ? of : `different ${distinct} of ${of}`;

  const tally = (): Tally<Counted> => {
    const seen = new Map<string, number>();
    let number = 0;
    const move = ({ v, n = 1 }: Counted, sign: number): void => {
      if (v === undefined) {
        number += n * sign;
        return;
      }
      const times = (seen.get(v) ?? 0) + sign;
      if (times > 0) seen.set(v, times);
      else seen.delete(v);
      number = seen.size;
    };
    return {
      add: (entry) => move(entry, 1),
      remove: (entry) => move(entry, -1),
      read: () => ({
        holds: threshold.holds(number),
        value: number,
        says: () => `${number} ${what} ${window.says}, wanted ${threshold.says}`,
      }),
    };
  };

  return windowedLeaf<Counted>({
    meaning: { count: { of, where, distinct, ...window.meaning, [threshold.comparison]: threshold.limit } },
    of,
    window,
    monotone: threshold.monotone,
    timezone: scope.timezone,
    read: (event) => {
      if (!chosen(event)) return undefined;
      if (distinct === undefined) return {};
      const v = textAt(event.properties, distinct);
      return v === undefined ? undefined : { v };
    },
    tally,
    key: ({ v = '' }) => v,
    combine: (older, newer) => (newer.v === undefined ? { ...newer, n: (older.n ?? 1) + (newer.n ?? 1) } : newer),
    // More different values than this make no difference to any answer; a figure that is published wants them all.
    ...(config.as === undefined ? { enough: threshold.limit + 1 } : {}),
  });
}
