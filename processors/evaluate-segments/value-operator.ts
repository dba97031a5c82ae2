import { objectSchema } from '../../schemas/schema-parts.ts';
import { asSchema, chooser, eventName, pathSchema, valueAt, whereSchema } from './event-fields.ts';
import { matcherOf, timelessSchemas } from './matcher.ts';
import type { Operator } from './operator.ts';
import type { Entry } from './sorted-log.ts';
import { windowOf, windowSchemas, type WindowFields } from './window.ts';
import { windowedLeaf } from './windowed.ts';

interface ValueConfig extends WindowFields, Readonly<Record<string, unknown>> {
  readonly of: string;
  readonly where?: string;
  readonly property: string;
}

/** A value of a property. */
export interface Valued extends Entry {
  readonly v: unknown;
  /** How many events it stands for; one when left out. */
  readonly n?: number;
}

/** The values in the window; picks one. */
export interface Picking {
  readonly add: (entry: Valued) => void;
  readonly remove: (entry: Valued) => void;
  readonly pick: (oldest: Valued | undefined, newest: Valued | undefined) => unknown;
}

export interface ValueKind {
  readonly name: string;
  readonly description: string;
  /** Which value it is, e.g. `last`. */
  readonly says: string;
  readonly picking: () => Picking;
  /** Entries of one bucket that can stand for one another have the same key. */
  readonly key: (entry: Valued) => string;
  readonly combine: (older: Valued, newer: Valued) => Valued;
}

/** An operator with a condition on one of the values that a property had in a window. Events without the property do not count. */
export function valueOperator(kind: ValueKind): Operator {
  return {
    name: kind.name,
    schema: objectSchema(
      kind.description,
      {
        of: eventName,
        where: whereSchema,
        property: pathSchema('Whose value.'),
        ...windowSchemas,
        ...timelessSchemas,
        as: asSchema,
      },
      ['of', 'property'],
    ),
    compile: (config, scope) => {
      const given = config as ValueConfig;
      const { of, where, property } = given;
      const window = windowOf(given, scope);
      const matcher = matcherOf(given, scope, timelessSchemas);
      const chosen = chooser(given, scope);
      return windowedLeaf<Valued>({
        meaning: { [kind.name]: { of, where, property, ...window.meaning, ...matcher.meaning } },
        of,
        window,
        monotone: false,
        timezone: scope.timezone,
        read: (event) => {
          const v = chosen(event) ? valueAt(event.properties, property) : undefined;
          return v === undefined ? undefined : { v };
        },
        tally: () => {
          const { add, remove, pick } = kind.picking();
          return {
            add,
            remove,
            read: (oldest, newest) => {
              const value = pick(oldest, newest);
              const holds = matcher.holds(value, 0);
              const says = (): string =>
                `the ${kind.says} ${property} of ${of} ${window.says} ${holds ? 'fits' : 'does not fit'} ${matcher.says}`;
              return { holds, value: value ?? null, says };
            },
          };
        },
        key: kind.key,
        combine: kind.combine,
      });
    },
  };
}
