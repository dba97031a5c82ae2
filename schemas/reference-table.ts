import { compileCondition } from './cel.ts';
import { ConfigProblem, type ConfigPath, type JsonSchema, type TableConfig } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { objectSchema, textSchema } from './schema-parts.ts';

/** A table as the schema of sources lets it through. */
export interface TableYaml {
  readonly name: string;
  readonly key: string;
  readonly values: readonly string[];
  readonly forget_after?: string;
  readonly interest?: {
    readonly events: readonly string[];
    readonly key?: string;
    readonly within: string;
    readonly most?: number;
  };
  readonly changes?: readonly { readonly event: string; readonly when?: string; readonly first?: boolean }[];
}

/** The names of CEL and of ours that a table cannot have. */
const taken = new Set(
  'abs all bool bytes double duration dyn exists exists_one filter has int list map matches now before null number parse_time properties record round size string sum timestamp traits true false type uint in'.split(
    ' ',
  ),
);
const MOST = 10_000;

/** The field `table` of a source. */
export const tableSchema: JsonSchema = objectSchema(
  'What it says is kept by key as the reference table reference.<name>, for expressions to look up. Records without identifiers belong to no customer and go nowhere else.',
  {
    name: {
      type: 'string',
      pattern: '^[a-z][a-z0-9_]{0,62}$',
      description: 'Name of the table, as expressions call it: price("p-1").amount.',
    },
    key: textSchema('Property that holds the key, or a path to it; not personal, since it is the key of a topic.'),
    values: { type: 'array', minItems: 1, items: textSchema('Name of a property.'), description: 'Properties that are kept.' },
    forget_after: durationSchema('A row of which nothing was told for so long is dropped; never when left out.'),
    interest: objectSchema(
      'Which customers are told of changes.',
      {
        events: {
          type: 'array',
          minItems: 1,
          items: textSchema('Name of an event.'),
          description: 'Whoever does one of these is interested in the row.',
        },
        key: textSchema('Property of these events that holds the key of the row; as in the table when left out.'),
        within: durationSchema('Interest ends so long after the last of these events.'),
        most: {
          type: 'integer',
          minimum: 1,
          maximum: MOST,
          description: `At most so many are told of a row, the latest ones; 1000 when left out, ${MOST} at most.`,
        },
      },
      ['events', 'within'],
    ),
    changes: {
      type: 'array',
      minItems: 1,
      description: 'Events that are made of changes, for those who are interested.',
      items: objectSchema(
        'An event made of a change.',
        {
          event: textSchema('Its name.'),
          when: textSchema(
            'CEL over `before` and `now`, the values of the row, e.g. now.price < before.price. Whenever the row is told when left out.',
          ),
          first: { type: 'boolean', description: 'Told also, as it stands, to whoever becomes interested. false when left out.' },
        },
        ['event'],
      ),
    },
  },
  ['name', 'key', 'values'],
);

/** Compiles it; throws ConfigProblem for what the schema cannot say. */
export function compileTable(yaml: TableYaml, path: ConfigPath): TableConfig {
  const { name, key, values, forget_after, interest, changes = [] } = yaml;
  if (taken.has(name))
    throw new ConfigProblem([...path, 'name'], `expected a name that no expression uses otherwise, found "${name}"`);
  if (changes.length > 0 && interest === undefined)
    throw new ConfigProblem(path, '"interest" is missing: changes are told to those who are interested');
  for (const [index, { when }] of changes.entries())
    if (when !== undefined) compileCondition(when, { variables: ['before', 'now'], path: [...path, 'changes', index, 'when'] });
  return {
    name,
    key,
    values,
    forgetAfterMs: forget_after === undefined ? null : parseDuration(forget_after, [...path, 'forget_after']),
    ...(interest === undefined
      ? {}
      : {
          interest: {
            events: interest.events,
            key: interest.key ?? key,
            withinMs: parseDuration(interest.within, [...path, 'interest', 'within']),
            most: interest.most ?? 1000,
          },
        }),
    changes: changes.map(({ event, when, first }) => ({ event, when: when ?? null, first: first ?? false })),
  };
}
