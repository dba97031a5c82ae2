import { FreshetError } from '../runtime/errors.ts';
import { type Lookup, noTables } from '../runtime/tables/global-tables.ts';
import type { Topic } from '../runtime/topic.ts';
import type { SourceConfig } from './config.ts';
import type { ReferenceFact, TableProof } from './generated/types.ts';
import { referenceTopic } from './topics.ts';

/** A function that expressions may call, of one argument. */
export interface CelLookup {
  readonly name: string;
  readonly call: (key: unknown) => unknown;
}

/** What is read for one decision. */
export interface Reading {
  readonly lookup: Lookup;
  /** The moment as of which rows are read, epoch milliseconds. */
  readonly at: number;
}

/** Where a decision goes to look things up: the tables of a workspace as functions, and what was read by them. */
export interface ReferenceReader {
  readonly functions: readonly CelLookup[];
  readonly topics: readonly Topic<ReferenceFact>[];
  /** Whether an expression calls one of the functions, as far as its text tells. */
  readonly isUsedIn: (expression: string) => boolean;
  /**
   * Does something that evaluates expressions; what was read meanwhile, each row once. Outside of this every table is empty.
   * Rows are given as their values, `as_of` (epoch milliseconds) and `age_s`, or null.
   */
  during<T>(reading: Reading, work: () => T): { readonly result: T; readonly read: readonly TableProof[] };
}

/** So many rows of one decision are in its proof. */
const MOST_READ = 16;

/** The tables that the sources declare. */
export function referenceReader(sources: readonly Pick<SourceConfig, 'name' | 'table'>[]): ReferenceReader {
  let current: Reading = { lookup: noTables, at: 0 };
  let read = new Map<string, TableProof>();
  const declared = sources.flatMap(({ name: source, table }) =>
    table === undefined ? [] : [{ source, name: table.name, topic: referenceTopic(table.name) }],
  );
  const pattern = declared.length === 0 ? undefined : new RegExp(`\\b(?:${declared.map(({ name }) => name).join('|')})\\s*\\(`);
  const functions = declared.map(({ source, name, topic }): CelLookup => {
    const call = (given: unknown): unknown => {
      const key = keyOf(given);
      if (key === undefined) return null;
      const { lookup, at } = current;
      const row = lookup.row(topic, key);
      const version = row?.value.versions.find(({ from }) => from <= at);
      const place = row ?? lookup.place(topic, key);
      const { partition, offset } = place;
      const asOf = version?.asOf ?? null;
      const ageMs = asOf === null ? null : Math.max(0, at - asOf);
      if (read.size < MOST_READ)
        read.set(`${name} ${partition} ${offset} ${key}`, { table: name, source, partition, offset, asOf, ageMs });
      if (version === undefined) return null;
      return { ...(JSON.parse(version.values) as object), as_of: asOf, age_s: Math.floor((ageMs ?? 0) / 1000) };
    };
    return { name, call };
  });
  return {
    functions,
    topics: declared.map(({ topic }) => topic),
    isUsedIn: (expression) => pattern?.test(expression) ?? false,
    during: (reading, work) => {
      const outer = { current, read };
      current = reading;
      read = new Map();
      try {
        return { result: work(), read: [...read.values()] };
      } finally {
        ({ current, read } = outer);
      }
    },
  };
}

/** Of a workspace without tables. */
export const noReference: ReferenceReader = referenceReader([]);

function keyOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given === 'number' || typeof given === 'bigint') return String(given);
  if (given === null || given === undefined) return undefined;
  throw new FreshetError('PROCESS_FAILED', 'a table is looked up by a text or a number');
}
