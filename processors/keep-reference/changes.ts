import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { hashId } from '../../schemas/keys.ts';
import type { ReferenceTold } from '../../schemas/reference.ts';
import type { Interested } from './interest.ts';

/** Flag of events that a table tells. */
export const DERIVED = 'derived';

/** An event that is made of changes of a table, compiled. */
export interface Change {
  readonly event: string;
  readonly first: boolean;
  readonly holds: (variables: { readonly before: unknown; readonly now: unknown }) => boolean;
}

/** Those that hold of a row whose values were one thing and are another; JSON, null: there was nothing before. */
export function changesOf(changes: readonly Change[], before: string | null, now: string): readonly Change[] {
  const variables = { before: before === null ? null : (JSON.parse(before) as unknown), now: JSON.parse(now) as unknown };
  return changes.filter(({ holds }) => holds(variables));
}

/** What is told of a change. */
export interface ToldChange {
  readonly event: string;
  readonly fact: Extract<ReferenceTold, { kind: 'fact' }>;
  readonly before: string | null;
  /** Property that holds the key of the row. */
  readonly keyName: string;
}

/**
 * The event of a change for somebody, with the values now and before in one. It has one id, however many identifiers of one
 * customer hear of it. It happens when the source says so, and to nobody before he became interested.
 */
export function changeEvent({ event, fact, before, keyName }: ToldChange, tick: number, interested: Interested): TaggedEvent {
  const { asOf } = fact;
  const properties = {
    ...fact.values,
    [keyName.split('.').at(-1) ?? keyName]: fact.key,
    before: before === null ? null : (JSON.parse(before) as unknown),
    as_of: asOf,
  };
  return {
    messageId: hashId(fact.table, fact.key, event, fact.messageId, interested.at > fact.occurredAt ? 'first' : 'change'),
    source: fact.source,
    type: 'track',
    event,
    occurredAt: Math.max(fact.occurredAt, interested.at),
    receivedAt: tick,
    asOf,
    identifiers: [interested.identifier],
    properties: JSON.stringify(properties),
    traits: '{}',
    context: '{}',
    flags: [DERIVED],
    mode: fact.mode,
    origin: fact.origin,
  };
}
