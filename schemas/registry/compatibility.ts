import { compileAvro } from '../wire/avro-types.ts';
import { isRecord, isUnion, recordsOf } from '../avro.ts';
import type { AvroRecord, AvroType } from '../avro.ts';
import { FreshetError } from '../../runtime/errors.ts';

/** What keeps `reader` from reading what `writer` wrote, a line each, by place; empty when it can. Both are Avro schemas as JSON text. */
export function differences(reader: string, writer: string): readonly string[] {
  const [to, from] = [JSON.parse(reader) as AvroType, JSON.parse(writer) as AvroType];
  try {
    compileAvro(to).createResolver(compileAvro(from));
    return [];
  } catch (error) {
    const found = compare('', to, from, { to: names(to), from: names(from) }, new Set());
    return found.length > 0 ? found : [error instanceof Error ? error.message : 'not compatible'];
  }
}

/** The error of a registration that would break readers. */
export function incompatible(subject: string, found: readonly string[], cause?: unknown): FreshetError {
  const message = `${subject}: the schema cannot read what was written before: ${found.join('; ')}; give new fields a default and keep types`;
  return new FreshetError('TOPIC_MISMATCH', message, { cause });
}

interface Names {
  readonly to: ReadonlyMap<string, AvroRecord>;
  readonly from: ReadonlyMap<string, AvroRecord>;
}

function compare(path: string, to: AvroType, from: AvroType, names: Names, seen: Set<string>): readonly string[] {
  const [reader, writer] = [record(to, names.to), record(from, names.from)];
  if (reader !== undefined && writer !== undefined) return compareRecords(path, reader, writer, names, seen);
  if (typeOf(to) === 'array' && typeOf(from) === 'array') return compare(`${path}[]`, items(to), items(from), names, seen);
  if (typeOf(to) === 'map' && typeOf(from) === 'map') return compare(`${path}{}`, items(to), items(from), names, seen);
  return describe(to) === describe(from) ? [] : [`${path} was ${describe(from)} and is ${describe(to)}`];
}

function compareRecords(
  path: string,
  reader: AvroRecord,
  writer: AvroRecord,
  names: Names,
  seen: Set<string>,
): readonly string[] {
  const key = `${reader.name}:${writer.name}`;
  if (seen.has(key)) return [];
  seen.add(key);
  if (reader.name !== writer.name) return [`${path || 'the record'} was ${writer.name} and is ${reader.name}`];
  return reader.fields.flatMap((field) => {
    const place = path === '' ? `${reader.name}.${field.name}` : `${path}.${field.name}`;
    const before = writer.fields.find(({ name }) => name === field.name);
    if (before !== undefined) return compare(place, field.type, before.type, names, seen);
    return 'default' in field ? [] : [`${place} is new and has no default`];
  });
}

function names(type: AvroType): ReadonlyMap<string, AvroRecord> {
  return new Map(recordsOf(type).map((record) => [record.name, record]));
}

/** The record that a type is, by definition, by name, or as the one branch of a nullable. */
function record(type: AvroType, names: ReadonlyMap<string, AvroRecord>): AvroRecord | undefined {
  if (typeof type === 'string') return names.get(type.slice(type.lastIndexOf('.') + 1));
  if (isUnion(type)) {
    const branches = type.filter((branch) => branch !== 'null');
    return branches.length === 1 && branches[0] !== undefined ? record(branches[0], names) : undefined;
  }
  return isRecord(type) ? type : undefined;
}

function typeOf(type: AvroType): string | undefined {
  return typeof type === 'string' || isUnion(type) ? undefined : type.type;
}

function items(type: AvroType): AvroType {
  if (typeof type === 'string' || isUnion(type)) return type;
  if (type.type === 'array') return type.items;
  return type.type === 'map' ? type.values : type;
}

function describe(type: AvroType): string {
  if (typeof type === 'string') return type;
  if (isUnion(type)) return `[${type.map(describe).join(', ')}]`;
  return isRecord(type) ? type.name : type.type;
}
