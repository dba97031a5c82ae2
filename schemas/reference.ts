import type { SourceMode } from './config.ts';
import type { Identifier, Position } from './generated/types.ts';

/** What goes to the rows of reference tables, under `rowKey`. */
export type ReferenceTold =
  /** A source says something of a thing. */
  | {
      readonly kind: 'fact';
      readonly table: string;
      readonly key: string;
      readonly source: string;
      readonly mode: SourceMode;
      readonly messageId: string;
      readonly occurredAt: number;
      readonly receivedAt: number;
      readonly asOf: number;
      readonly values: Readonly<Record<string, unknown>>;
      readonly origin: Position;
    }
  /** Somebody is interested in a thing. */
  | {
      readonly kind: 'interest';
      readonly table: string;
      readonly key: string;
      /** Opaque key of the identifier. */
      readonly who: string;
      readonly identifier: Identifier;
      readonly at: number;
      readonly live: boolean;
    };

/** The key of a row among those of all tables. */
export function rowKey(table: string, key: string): string {
  return `${table} ${key}`;
}

/** Longest key of a row, characters. */
export const MAX_ROW_KEY = 256;

/** What a dotted path leads to, as the key of a row: a text or a number that is not too long; undefined otherwise. */
export function rowKeyAt(object: unknown, path: string): string | undefined {
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' && value.length <= MAX_ROW_KEY ? value : undefined;
}
