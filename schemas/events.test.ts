import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Topic } from '../runtime/topic.ts';
import { namedRecords, readSchemas } from './avro.ts';
import type { AvroField, AvroRecord, AvroType } from './avro.ts';
import { createRawDecoder } from './raw-decoder.ts';
import { MemoryRegistry } from './registry/memory.ts';
import { createSerdes } from './serdes.ts';
import { referenceTopic, topics } from './topics.ts';

const files = readSchemas();
const records = [...namedRecords(files).values()];
const fields = records.flatMap((record) => record.fields.map((field) => ({ name: `${record.name}.${field.name}`, field })));
const avroTopics = [...Object.values(topics), referenceTopic('table')].filter((topic: Topic) => topic.format.kind === 'avro');

/** The types that a type is made of, down to the primitives and the names of records. */
function parts(type: AvroType): readonly string[] {
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.flatMap(parts);
  const one = type as Exclude<AvroType, string | readonly AvroType[]>;
  if (one.type === 'array') return parts(one.items);
  if (one.type === 'map') return ['string', ...parts(one.values)];
  return one.type === 'record' ? [one.name] : [one.type];
}

/** Text that can hold no personal data, by what it is instead. A new field goes here only with a reason, or is marked pii. */
const harmless = {
  'an opaque key, or an id made from such': [
    [
      'customer',
      'ActivationOutcome ActivationRequest ActivationWithheld CustomerMemberships FraudAlert IdentifiedEvent IdentityChange MembershipChange ProfileChange',
    ],
    ['id', 'ActivationOutcome ActivationRequest ActivationWithheld FraudAlert MembershipChange'],
    ['customer other', 'IdentityJudgement IdentityReview'],
    ['customer', 'Resemblance WeakLink'],
    ['id', 'IdentityReview'],
    ['membership', 'ActivationRequest ActivationWithheld'],
    ['other identifiers', 'IdentityChange'],
    ['loser winner members', 'MergeMarker'],
    ['reference', 'ActivationOutcome'],
  ],
  'an id that the sender gives to a message': [
    ['messageId', 'Cause IdentityChange ProfileChange ReferenceVersion TaggedEvent'],
    ['events', 'FraudAlert'],
  ],
  'a name from the configuration': [
    ['activation segment', 'ActivationOutcome ActivationRequest ActivationWithheld'],
    ['template', 'ActivationRequest'],
    ['segment version', 'MembershipChange'],
    ['segment', 'CustomerMembership'],
    ['rule', 'FraudAlert'],
    ['source', 'ProfileChange ReferenceFact RejectedRecord SourceFreshness SourceProof TableProof TaggedEvent'],
    ['topic', 'Origin Position RejectedRecord'],
    ['processor', 'RejectedRecord'],
    ['hop', 'Hop'],
    ['link', 'SourceFreshness SourceProof'],
  ],
  'a name from the tracking plan': [
    ['event', 'Cause TaggedEvent'],
    ['trait', 'ProfileChange'],
  ],
  'a word of a closed list': [
    ['channel', 'ActivationOutcome ActivationRequest'],
    ['status', 'ActivationOutcome SourceFreshness SourceProof'],
    ['before', 'SourceFreshness'],
    ['gate decision', 'ActivationWithheld'],
    ['kind', 'Cause Identifier IdentityChange MergeMarker'],
    ['change', 'MembershipChange'],
    ['known', 'ProfileChange'],
    ['verdict', 'IdentityJudgement'],
    ['field level', 'LikenessEvidence'],
    ['by', 'WeakLink'],
    ['step', 'RejectedRecord'],
    ['table', 'ReferenceFact TableProof'],
    ['key', 'ReferenceFact'],
    ['type mode flags', 'TaggedEvent'],
  ],
  'words of our own about rules, times and counts, without a value of the customer': [
    ['reason', 'ActivationRequest ActivationWithheld FraudAlert IdentityChange RejectedRecord'],
    ['because', 'ActivationOutcome'],
    ['reason', 'IdentityReview'],
  ],
} as const;

describe('the Avro schemas', () => {
  it('say of every record and every field what it is', () => {
    expect(records.filter(({ doc }) => !doc).map(({ name }) => name)).toEqual([]);
    expect(fields.filter(({ field }) => !field.doc).map(({ name }) => name)).toEqual([]);
  });

  it('mark every field that can hold personal data', () => {
    const text = fields.filter(({ field }) => parts(field.type).some((part) => part === 'string' || part === 'bytes'));
    const excepted = Object.values(harmless)
      .flat()
      .flatMap(([names, of]) => of.split(' ').flatMap((record) => names.split(' ').map((name) => `${record}.${name}`)));
    const unmarked = text.filter(({ field }) => field.pii !== true).map(({ name }) => name);
    expect(unmarked.sort()).toEqual([...excepted].sort());
  });

  it('mark what holds a marked field', () => {
    const marked = (field: AvroField) => field.pii === true;
    const holding = new Set(records.filter((record: AvroRecord) => record.fields.some(marked)).map(({ name }) => name));
    const unmarked = fields.filter(({ field }) => !marked(field) && parts(field.type).some((part) => holding.has(part)));
    expect(unmarked.map(({ name }) => name)).toEqual([]);
  });

  it('give every nullable field the default null, so that it can be left out later', () => {
    const nullable = fields.filter(({ field }) => parts(field.type).includes('null'));
    expect(nullable.filter(({ field }) => field.default !== null).map(({ name }) => name)).toEqual([]);
  });

  it('are each the value of a topic, and every Avro topic has one', () => {
    const used = avroTopics.map(({ format }: Topic) => (format.kind === 'avro' ? format.schema : ''));
    expect(used.sort()).toEqual(files.map(({ schema }) => schema.name).sort());
  });

  it('lie each in a file of their name, in kebab case', () => {
    const named = ({ name }: AvroRecord) => name.replaceAll(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
    expect(files.map(({ file }) => file)).toEqual(files.map(({ schema }) => `${named(schema)}.avsc`));
  });
});

describe('the examples', () => {
  const folder = new URL('./examples/', import.meta.url);

  /** Examples are JSON, so bytes are base64 in them. */
  function value(record: AvroRecord, json: Record<string, unknown>): Record<string, unknown> {
    const bytes = (json: unknown): unknown => {
      if (typeof json === 'string') return Buffer.from(json, 'base64');
      return json === null ? null : Object.fromEntries(Object.entries(json as object).map(([key, entry]) => [key, bytes(entry)]));
    };
    const holdsBytes = (name: string) =>
      record.fields.some((field) => field.name === name && parts(field.type).includes('bytes'));
    return Object.fromEntries(Object.entries(json).map(([name, entry]) => [name, holdsBytes(name) ? bytes(entry) : entry]));
  }

  it('are there for each schema', () => {
    expect(readdirSync(folder).sort()).toEqual(files.map(({ file }) => file.replace('.avsc', '.json')));
  });

  it.each(files)('of $file are written and read back, by us and as JSON', async ({ file, schema }) => {
    const registry = new MemoryRegistry();
    const topic = avroTopics.find(({ format }: Topic) => format.kind === 'avro' && format.schema === schema.name) as Topic;
    const serdes = createSerdes({ registry, topics: [topic] });
    await serdes.register();
    const examples = JSON.parse(readFileSync(new URL(file.replace('.avsc', '.json'), folder), 'utf8')) as Record<
      string,
      unknown
    >[];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const bytes = serdes.of(topic).encode(value(schema, example));
      expect(serdes.of(topic).decode(bytes)).toEqual(value(schema, example));
      const raw = createRawDecoder({ registry });
      await raw.prepare(bytes);
      expect(raw.decode(bytes)).toEqual({ kind: 'value', value: example });
      expect(Object.keys(example)).toEqual(schema.fields.map(({ name }) => name));
    }
  });

  it('show each nullable field both set and null', () => {
    const seen = new Map<string, Set<boolean>>();
    const walk = (record: AvroRecord, json: Record<string, unknown>): void => {
      for (const { name, type } of record.fields) {
        const kinds = parts(type);
        if (kinds.includes('null'))
          seen.set(`${record.name}.${name}`, (seen.get(`${record.name}.${name}`) ?? new Set()).add(json[name] === null));
        const inner = records.find((other) => kinds.includes(other.name));
        const values = Array.isArray(json[name]) ? json[name] : [json[name]];
        if (inner !== undefined) for (const value of values) if (value !== null) walk(inner, value as Record<string, unknown>);
      }
    };
    for (const { file, schema } of files) {
      for (const example of JSON.parse(readFileSync(new URL(file.replace('.avsc', '.json'), folder), 'utf8')) as [])
        walk(schema, example);
    }
    expect([...seen].filter(([, states]) => states.size < 2).map(([name]) => name)).toEqual([]);
  });
});
