import { FreshetError } from '../runtime/errors.ts';
import { compileCel } from '../schemas/cel.ts';

/** Corrections of the JSON of rejected records. */
export interface Repair {
  /** Whole values by id; only these records are replayed. */
  readonly whole: ReadonlyMap<string, unknown>;
  /** The fields that each record gets, as they were written. */
  readonly fields: readonly string[];
  /** With the fields set; throws FreshetError that says why it cannot be. Does not touch what it is given. */
  readonly apply: (value: unknown) => unknown;
}

export interface RepairOptions {
  /** `path=value`: the value as JSON, or else as text. */
  readonly set?: readonly string[];
  /** `path=expression`: CEL over `record`, the value as it is. */
  readonly cel?: readonly string[];
  /** NDJSON, a line each: `{"id": …, "value": …}`, as `show --json` writes it. */
  readonly file?: string;
}

type Path = readonly string[];
type Compute = (record: unknown) => unknown;

/** Compiles corrections; CONFIG_INVALID names the one that cannot be read. */
export function compileRepair({ set = [], cel = [], file }: RepairOptions): Repair {
  const steps: (readonly [Path, Compute])[] = [];
  for (const text of set) {
    const [path, right] = assignment(text, '--set');
    const value = literal(right);
    steps.push([path, () => value]);
  }
  for (const text of cel) {
    const [path, right] = assignment(text, '--cel');
    const evaluate = compileCel(right, { variables: ['record'] });
    steps.push([path, (record) => evaluate({ record })]);
  }
  return {
    whole: file === undefined ? new Map() : wholeValues(file),
    fields: steps.map(([path]) => path.join('.')),
    apply: (value) => steps.reduce((after, [path, compute]) => withField(after, path, compute(value)), value),
  };
}

function assignment(text: string, option: string): [Path, string] {
  const equals = text.indexOf('=');
  const path = text.slice(0, equals).trim().split('.');
  if (equals < 1 || path.some((part) => part === '' || part === '__proto__' || part === 'constructor'))
    throw new FreshetError('CONFIG_INVALID', `${option}: expected path=value, as in properties.total=12.5`);
  return [path, text.slice(equals + 1).trim()];
}

function literal(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function withField(value: unknown, path: Path, field: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return field instanceof Date ? field.toISOString() : field;
  if (Array.isArray(value)) {
    const at = Number(name);
    if (!Number.isInteger(at) || at < 0 || at > value.length)
      throw new FreshetError('CONFIG_INVALID', `${name}: expected the place of an item of the list`);
    return value.toSpliced(at, 1, withField(value[at], rest, field));
  }
  const object = value ?? {};
  if (typeof object !== 'object') throw new FreshetError('CONFIG_INVALID', `${name}: expected an object around it`);
  return { ...object, [name]: withField((object as Record<string, unknown>)[name], rest, field) };
}

function wholeValues(text: string): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const given = literal(line) as { readonly id?: unknown; readonly value?: unknown } | null;
    if (typeof given !== 'object' || typeof given?.id !== 'string' || given.value === undefined)
      throw new FreshetError('CONFIG_INVALID', `line ${index + 1}: expected JSON with "id" and "value"`);
    values.set(given.id, given.value);
  }
  return values;
}
