import { isUnion, namedRecords } from './avro.ts';
import type { AvroField, AvroRecord, AvroType, SchemaFile } from './avro.ts';

const header = '// Generated from schemas/events by `npm run generate`; edit those.\n';

/** One TypeScript interface for each Avro record of the files, as decoded by `createSerdes`. */
export function generateTypes(files: readonly SchemaFile[]): string {
  return [header, ...[...namedRecords(files).values()].map(interfaceOf)].join('\n');
}

function interfaceOf(record: AvroRecord): string {
  const fields = record.fields.map(
    (field) => `${comment(fieldDoc(field), '  ')}  readonly ${field.name}: ${typeOf(field.type)};\n`,
  );
  return `${comment(record.doc, '')}export interface ${record.name} {\n${fields.join('')}}\n`;
}

function fieldDoc(field: AvroField): string | undefined {
  return field.pii === true ? `${field.doc ?? ''} Can hold personal data.`.trim() : field.doc;
}

function comment(text: string | undefined, indent: string): string {
  return text === undefined ? '' : `${indent}/** ${text.replaceAll('*/', '* /')} */\n`;
}

/** How a decoded value of the Avro type is typed; `number` is exact up to 2^53. */
export function typeOf(type: AvroType): string {
  if (typeof type === 'string') return named(type);
  if (isUnion(type)) {
    const rest = type.filter((branch) => branch !== 'null').map(typeOf);
    return [...new Set(rest), ...(rest.length < type.length ? ['null'] : [])].join(' | ');
  }
  switch (type.type) {
    case 'record':
      return type.name;
    case 'array': {
      const items = typeOf(type.items);
      return `readonly ${items.includes(' | ') ? `(${items})` : items}[]`;
    }
    case 'map':
      return `Readonly<Record<string, ${typeOf(type.values)}>>`;
    default:
      return named(type.type);
  }
}

function named(name: string): string {
  switch (name) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number';
    case 'bytes':
      return 'Buffer';
    case 'string':
    case 'boolean':
    case 'null':
      return name;
    default:
      return name.slice(name.lastIndexOf('.') + 1);
  }
}
