import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { namedRecords, readSchemas } from './avro.ts';
import type { AvroRecord, SchemaFile } from './avro.ts';
import { generateDocs } from './generate-docs.ts';
import { generateTypes } from './generate-types.ts';
import { rawTopic, referenceTopic, topics } from './topics.ts';

const record = (name: string, fields: AvroRecord['fields']): AvroRecord => ({
  type: 'record',
  name,
  namespace: 'test',
  doc: `A ${name}.`,
  fields,
});
const file = (file: string, schema: AvroRecord): SchemaFile => ({ file, schema });
const inner = record('Inner', [{ name: 'x', type: 'double', doc: 'X.' }]);

describe('the types generated from schemas', () => {
  it('are what decoding gives', () => {
    const schema = record('Outer', [
      { name: 'text', type: 'string', doc: 'Text.', pii: true },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' }, doc: 'Time.' },
      { name: 'maybe', type: ['null', 'bytes'], default: null, doc: 'Bytes.' },
      { name: 'list', type: { type: 'array', items: ['null', 'int'] }, doc: 'List.' },
      { name: 'map', type: { type: 'map', values: 'boolean' }, doc: 'Ends */ early.' },
      { name: 'first', type: inner, doc: 'Inner.' },
      { name: 'again', type: { type: 'array', items: 'test.Inner' }, doc: 'By name.' },
    ]);
    const expected = [
      '/** A Outer. */',
      'export interface Outer {',
      '  /** Text. Can hold personal data. */',
      '  readonly text: string;',
      '  /** Time. */',
      '  readonly at: number;',
      '  /** Bytes. */',
      '  readonly maybe: Buffer | null;',
      '  /** List. */',
      '  readonly list: readonly (number | null)[];',
      '  /** Ends * / early. */',
      '  readonly map: Readonly<Record<string, boolean>>;',
      '  /** Inner. */',
      '  readonly first: Inner;',
      '  /** By name. */',
      '  readonly again: readonly Inner[];',
      '}',
    ].join('\n');
    expect(generateTypes([file('outer.avsc', schema)])).toContain(expected);
  });

  it('hold a record once that several files define', () => {
    const files = ['a', 'b'].map((name) => file(`${name}.avsc`, record(name, [{ name: 'inner', type: inner, doc: 'I.' }])));
    expect(generateTypes(files).match(/interface Inner /g)).toHaveLength(1);
  });

  it('are refused, with both files, when a name has two meanings', () => {
    const other = record('Inner', [{ name: 'x', type: 'float', doc: 'X.' }]);
    expect(() => namedRecords([file('a.avsc', inner), file('b.avsc', other)])).toThrow(
      'b.avsc and a.avsc define Inner differently',
    );
  });

  it('take a definition and its use by name for the same', () => {
    const whole = record('Whole', [{ name: 'inner', type: inner, doc: 'I.' }]);
    const byName = record('Other', [
      { name: 'inner', type: inner, doc: 'I.' },
      { name: 'whole', type: record('Whole', [{ name: 'inner', type: 'Inner', doc: 'I.' }]), doc: 'W.' },
    ]);
    expect([...namedRecords([file('a.avsc', whole), file('b.avsc', byName)]).keys()]).toEqual(['Inner', 'Other', 'Whole']);
  });
});

describe('what is generated', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

  it('is fresh', () => {
    expect(read('generated/types.ts')).toBe(generateTypes(readSchemas()));
    expect(read('README.md')).toBe(
      generateDocs([rawTopic('<source>'), referenceTopic('<table>'), ...Object.values(topics)], readSchemas()),
    );
  });

  it('names every topic and every record', () => {
    const readme = read('README.md');
    for (const { name } of Object.values(topics)) expect(readme).toContain(`| \`${name}\``);
    for (const name of namedRecords(readSchemas()).keys()) expect(readme).toContain(`### ${name}\n`);
  });
});
