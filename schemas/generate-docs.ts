import type { Retention, Topic } from '../runtime/topic.ts';
import { isUnion, namedRecords } from './avro.ts';
import type { AvroField, AvroRecord, AvroType, SchemaFile } from './avro.ts';

const introduction = `<!-- Generated from topics.ts and events/*.avsc by \`npm run generate\`; edit those. -->

# Topics and their values

Anybody may read the topics that are not internal, with any client: a value named below is Avro in Confluent's wire format, its schema in the registry under \`<topic>-value\`, held to BACKWARD compatibility. Example values are in \`examples/\`. A deployment may put a prefix before every topic name.

Keys and headers are UTF-8 and hold no personal data. Fields marked **pii** can hold some. Times (\`timestamp-millis\`) are epoch milliseconds.
`;

/** The tables of topics and schemas, as Markdown. */
export function generateDocs(topics: readonly Topic[], files: readonly SchemaFile[]): string {
  const records = [...namedRecords(files).values()];
  const values = files.flatMap(({ schema }) => records.filter(({ name }) => name === schema.name));
  const partsOfThem = records.filter((record) => !values.includes(record));
  return [
    introduction,
    table(
      ['topic', 'key', 'value', 'partitions', 'retention', 'what it holds'],
      topics.map((topic) => [
        code(topic.name) + (topic.internal ? ' (internal)' : ''),
        prose(topic.key),
        valueOf(topic),
        String(topic.partitions),
        retention(topic.retention),
        prose(topic.doc),
      ]),
    ),
    'Each processor also has a changelog of its own, `<processor>.changelog`, compacted and internal.\n',
    '## Values\n',
    ...values.map(section),
    '## Parts of values\n',
    ...partsOfThem.map(section),
  ].join('\n');
}

function section(record: AvroRecord): string {
  const rows = record.fields.map((field) => [code(field.name), code(typeOf(field.type)), doc(field)]);
  return `### ${record.name}\n\n${prose(record.doc ?? '')}\n\n${table(['field', 'type', 'what it is'], rows)}`;
}

function doc(field: AvroField): string {
  const text = prose(field.doc ?? '');
  return field.pii === true ? `${text} **pii**` : text;
}

function prose(text: string): string {
  return text.replaceAll('<', '\\<');
}

/** Short for an Avro type: the logical type where there is one, `x[]` for an array of x. */
function typeOf(type: AvroType): string {
  if (typeof type === 'string') return type;
  if (isUnion(type)) return type.map(typeOf).join(' | ');
  switch (type.type) {
    case 'record':
      return type.name;
    case 'array':
      return `${typeOf(type.items)}[]`;
    case 'map':
      return `map of ${typeOf(type.values)}`;
    default:
      return type.logicalType ?? type.type;
  }
}

function valueOf({ format }: Topic): string {
  if (format.kind === 'avro') return `[${format.schema}](#${format.schema.toLowerCase()})`;
  return { bytes: 'bytes', json: 'JSON', msgpack: 'MessagePack' }[format.kind];
}

function retention(retention: Retention): string {
  if (retention.kind === 'compact') return 'compacted: the last of each key';
  return retention.retentionMs < 0 ? 'for ever' : `${retention.retentionMs / (24 * 60 * 60 * 1000)} days`;
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A Markdown table with its columns aligned, as the formatter wants it. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const [first = [], ...rest] = rows;
  return line(first) + line(widths.map((width) => '-'.repeat(width))) + rest.map(line).join('');
}
