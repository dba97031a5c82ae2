import { readdirSync, readFileSync } from 'node:fs';
import { FreshetError } from '../runtime/errors.ts';

/** An Avro schema as JSON, as far as freshet uses the language. */
export type AvroType =
  | string
  | readonly AvroType[]
  | AvroRecord
  | { readonly type: 'array'; readonly items: AvroType }
  | { readonly type: 'map'; readonly values: AvroType }
  | { readonly type: 'string' | 'bytes' | 'int' | 'long' | 'float' | 'double' | 'boolean'; readonly logicalType?: string };

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly doc?: string;
  /** The field can hold personal data. */
  readonly pii?: boolean;
  readonly default?: unknown;
}

export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
}

/** One file of `schemas/events`. */
export interface SchemaFile {
  readonly file: string;
  readonly schema: AvroRecord;
}

/** Every `.avsc` of `folder` (default: `schemas/events`), by file name. */
export function readSchemas(folder: URL = new URL('./events/', import.meta.url)): readonly SchemaFile[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
  return files.sort().map((file) => ({ file, schema: JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as AvroRecord }));
}

/** The record types that a schema defines, itself last; a type used by name only is not repeated. */
export function recordsOf(type: AvroType): readonly AvroRecord[] {
  if (typeof type === 'string') return [];
  if (isUnion(type)) return type.flatMap(recordsOf);
  switch (type.type) {
    case 'record':
      return [...type.fields.flatMap((field) => recordsOf(field.type)), type];
    case 'array':
      return recordsOf(type.items);
    case 'map':
      return recordsOf(type.values);
    default:
      return [];
  }
}

/** All record types by name, each once. The same name with two meanings: CONFIG_INVALID, which names both files. */
export function namedRecords(files: readonly SchemaFile[]): ReadonlyMap<string, AvroRecord> {
  const seen = new Map<string, { file: string; record: AvroRecord; text: string }>();
  for (const { file, schema } of files) {
    for (const record of recordsOf(schema)) {
      const text = JSON.stringify(record, (_, value: unknown) => (value !== record && isRecord(value) ? value.name : value));
      const other = seen.get(record.name);
      if (other === undefined) seen.set(record.name, { file, record, text });
      else if (other.text !== text) {
        throw new FreshetError(
          'CONFIG_INVALID',
          `${file} and ${other.file} define ${record.name} differently; make both the same`,
        );
      }
    }
  }
  return new Map([...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { record }]) => [name, record]));
}

export function isRecord(value: unknown): value is AvroRecord {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'record';
}

export function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type);
}
