import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { ConfigProblem, type ConfigPath, type JsonSchema } from './config.ts';

/**
 * A check of plain data against a JSON Schema. What does not fit: ConfigProblem with the path of the field and what was expected
 * there, in the words of the field's description. Compile once, it is slow; a bad schema throws at once.
 */
export function schemaCheck(schema: JsonSchema): (value: unknown) => void {
  const validate = new Ajv2020({ allErrors: true, verbose: true, strict: true, strictRequired: false }).compile(schema);
  return (value) => {
    if (validate(value)) return;
    const error = mostTelling(validate.errors ?? []);
    if (error !== undefined) throw new ConfigProblem(pathOf(error), messageOf(error));
  };
}

/** As `schemaCheck`, but returns everything that does not fit, in the order of the schema; empty if all does. */
export function schemaProblems(schema: JsonSchema): (value: unknown) => readonly ConfigProblem[] {
  const validate = new Ajv2020({ allErrors: true, verbose: true, strict: true, strictRequired: false }).compile(schema);
  return (value) => {
    if (validate(value)) return [];
    const errors = validate.errors ?? [];
    const within = (error: ErrorObject, choice: ErrorObject): boolean =>
      error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`);
    const choices = errors.filter(alternatives);
    const outer = choices.filter((choice) => !choices.some((other) => other !== choice && within(choice, other)));
    const plain = errors.filter((error) => !outer.some((choice) => within(error, choice)));
    const telling = outer.map((choice) => mostTelling(errors.filter((error) => within(error, choice))) ?? choice);
    return [...plain, ...telling].map((error) => new ConfigProblem(pathOf(error), messageOf(error)));
  };
}

const alternatives = (error: ErrorObject): boolean => error.keyword === 'anyOf' || error.keyword === 'oneOf';

/** Of a choice where no branch fits, the branches' own errors tell only if they lie deeper than the choice itself. */
function mostTelling(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const choice = errors.find(alternatives);
  if (choice === undefined) return errors[0];
  const before = errors.find((error) => !error.instancePath.startsWith(choice.instancePath));
  const depth = (error: ErrorObject): number => pathOf(error).length;
  const deeper = errors.filter((error) => !alternatives(error) && depth(error) > pathOf(choice).length);
  return before ?? deeper.sort((a, b) => depth(b) - depth(a))[0] ?? choice;
}

/** The place of what does not fit. */
export function pathOf(error: ErrorObject): ConfigPath {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
  const unknown = (error.params as { additionalProperty?: string }).additionalProperty;
  return unknown === undefined ? path : [...path, unknown];
}

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
}

/** What was expected there, and what was found: for files of people, not for data. */
export function messageOf(error: ErrorObject): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  const schema = (error.parentSchema ?? {}) as Described;
  const found = `found ${show(error.data)}`;
  const described = schema.description === undefined ? '' : ` (${schema.description})`;
  switch (error.keyword) {
    case 'additionalProperties':
      return `unknown field, expected one of ${Object.keys(schema.properties ?? {}).join(', ')}`;
    case 'required': {
      const name = String(params['missingProperty']);
      const what = schema.properties?.[name]?.description;
      return `"${name}" is missing${what === undefined ? '' : `: ${what}`}`;
    }
    case 'type':
      return `expected ${String(params['type'])}${described}, ${found}`;
    case 'enum':
      return `expected one of ${(params['allowedValues'] as unknown[]).join(', ')}${described}, ${found}`;
    case 'anyOf':
    case 'oneOf':
    case 'pattern':
    case 'not':
      return `expected ${schema.description ?? 'another form'}, ${found}`;
    default:
      return `${error.message ?? 'does not fit'}${described}, ${found}`;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
