import type { Context } from '../../runtime/processor.ts';
import type { SourceConfig, TableConfig } from '../../schemas/config.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { type ReferenceTold, rowKey, rowKeyAt } from '../../schemas/reference.ts';
import { topics } from '../../schemas/topics.ts';

type Properties = object;

/** Sends what an event says of a row of the source's table; otherwise what is missing for that, in words. */
export function tellFact(
  table: TableConfig,
  { mode }: SourceConfig,
  event: TaggedEvent,
  properties: Properties,
  context: Context,
): string | undefined {
  const key = rowKeyAt(properties, table.key);
  if (key === undefined) return `${table.key}: expected the key of a row of ${table.name}`;
  const all = properties as Readonly<Record<string, unknown>>;
  const { source, messageId, occurredAt, receivedAt, asOf, origin } = event;
  if (asOf === null) return `as_of: expected, since nobody can tell otherwise how old a row of ${table.name} is`;
  const values = Object.fromEntries(
    table.values.flatMap((name) => (Object.hasOwn(all, name) ? [[name, all[name]] as const] : [])),
  );
  tell({ kind: 'fact', table: table.name, key, source, mode, messageId, occurredAt, receivedAt, asOf, values, origin }, context);
  return undefined;
}

/** Tells the rows of tables who is interested in them, by what customers do. */
export function interestTeller(
  sources: readonly SourceConfig[],
): (event: TaggedEvent, properties: Properties, who: string, context: Context) => void {
  const wanted = new Map<string, { readonly table: string; readonly path: string }[]>();
  for (const { table } of sources) {
    if (table?.interest === undefined || table.changes.length === 0) continue;
    for (const event of table.interest.events)
      wanted.set(event, [...(wanted.get(event) ?? []), { table: table.name, path: table.interest.key }]);
  }
  return ({ event, identifiers, occurredAt: at, mode }, properties, who, context) => {
    const [identifier] = identifiers;
    if (identifier === undefined) return;
    for (const { table, path } of wanted.get(event) ?? []) {
      const key = rowKeyAt(properties, path);
      if (key !== undefined) tell({ kind: 'interest', table, key, who, identifier, at, live: mode === 'live' }, context);
    }
  };
}

function tell(told: ReferenceTold, context: Context): void {
  context.forward(topics.referenceTold, rowKey(told.table, told.key), told);
}
