import { Ajv, type ErrorObject } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ConfigProblem, type ConfigPath, type JsonSchema } from './config.ts';
import { messageOf, pathOf } from './json-schema.ts';

/**
 * What keeps a record from being what its schema says: the place, and what was expected there. It is told in words of the
 * schema only: names of fields that the schema does not have are `*`, and no value is named. Undefined: it is as the schema says.
 */
export type RecordCheck = (record: unknown) => string | undefined;

const drafts = {
  'draft-06': Ajv,
  'draft-07': Ajv,
  '2019-09': Ajv2019,
  '2020-12': Ajv2020,
} as const;

type Draft = keyof typeof drafts;

/**
 * Compiles a JSON Schema of strangers, by the draft that its `$schema` names. Formats are not checked, and unknown keywords mean
 * nothing. ConfigProblem with the place of what is no JSON Schema, of a reference that leads out of it, or of another draft.
 */
export function recordCheck(schema: JsonSchema, otherwise: Draft = '2020-12'): RecordCheck {
  const { $schema: named, $async: _, ...plain } = schema;
  const Validator = drafts[draftOf(named) ?? otherwise];
  const ajv = new Validator({ strict: false, validateFormats: false, logger: false, verbose: true, ownProperties: true });
  if (ajv.validateSchema(plain) !== true) {
    const [error] = ajv.errors ?? [];
    throw new ConfigProblem(
      error ? pathOf(error) : [],
      `not a JSON Schema: ${error ? messageOf(error) : 'expected another form'}`,
    );
  }
  const validate = compiled(() => ajv.compile(plain));
  const names = namesIn(plain);
  return (record) => {
    if (validate(record)) return undefined;
    const [error] = validate.errors ?? [];
    if (error === undefined) return 'record: expected another form';
    const path = placeOf(error, record, names);
    return `${path.length === 0 ? 'record' : path.join('.')}: ${expectationOf(error)}`;
  };
}

function draftOf(named: unknown): Draft | undefined {
  if (named === undefined) return undefined;
  const found = (Object.keys(drafts) as Draft[]).find((draft) => typeof named === 'string' && named.includes(draft));
  if (found === undefined) throw new ConfigProblem(['$schema'], `expected one of ${Object.keys(drafts).join(', ')}`);
  return found;
}

function compiled<T>(compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw new ConfigProblem([], `not a JSON Schema that can be used: ${error instanceof Error ? error.message : 'not valid'}`);
  }
}

/** Every name of a field that a schema says. */
function namesIn(schema: unknown, found: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null) return found;
  for (const [key, value] of Object.entries(schema as Readonly<Record<string, unknown>>)) {
    if (key === 'properties' && typeof value === 'object' && value !== null)
      for (const name of Object.keys(value)) found.add(name);
    namesIn(value, found);
  }
  return found;
}

/** Names of a record's own, which might say who somebody is, are left out. */
function placeOf(error: ErrorObject, record: unknown, names: ReadonlySet<string>): ConfigPath {
  let at = record;
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => {
      const isKnown = Array.isArray(at) || names.has(part);
      at = (at as Readonly<Record<string, unknown>>)[part];
      return isKnown ? part : '*';
    });
  return error.keyword === 'required' ? [...path, String((error.params as { missingProperty: unknown }).missingProperty)] : path;
}

function expectationOf({ keyword, params, parentSchema, message }: ErrorObject): string {
  const given = params as Readonly<Record<string, unknown>>;
  switch (keyword) {
    case 'required':
      return 'expected a value, there is none';
    case 'type':
      return `expected ${[given['type']].flat().join(' or ')}`;
    case 'enum':
      return `expected one of ${cut((given['allowedValues'] as readonly unknown[]).map((each) => JSON.stringify(each)).join(', '))}`;
    case 'const':
      return `expected ${cut(JSON.stringify(given['allowedValue']))}`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `expected no fields but ${cut(Object.keys((parentSchema?.['properties'] as object | undefined) ?? {}).join(', '))}`;
    case 'propertyNames':
      return 'expected other names of fields';
    case 'uniqueItems':
      return 'expected no item twice';
    default:
      return (message ?? 'must have another form').replace(/^must /, 'expected to ');
  }
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
