import { Environment, EvaluationError, Optional } from '@marcbachmann/cel-js';
import { FreshetError } from '../runtime/errors.ts';
import { celFunctions } from './cel-functions.ts';
import { ConfigProblem, type ConfigPath } from './config.ts';
import type { CelLookup } from './reference-reader.ts';

export interface CelOptions {
  /** Names that the expression may use. */
  readonly variables: readonly string[];
  /** Where the expression stands in its file, for the ConfigProblem. */
  readonly path?: ConfigPath;
  /** Zone of local times, for `parse_time` without one; UTC when left out. */
  readonly timezone?: string;
  /** Tables that the expression may look things up in, each a function of the key. */
  readonly lookups?: readonly CelLookup[];
}

export type CelVariables = Readonly<Record<string, unknown>>;

/**
 * Compiles an expression of the Common Expression Language (https://cel.dev) once; evaluating it has no side effects.
 * A syntax error, an unknown name or a call that no type allows: ConfigProblem with the column. Numbers of variables are doubles,
 * and whole numbers in the text mix with them. The result is plain data: numbers, strings, lists, objects, a Date for a timestamp.
 * Evaluation throws FreshetError PROCESS_FAILED that names the part of the expression, never the data.
 */
export function compileCel(text: string, options: CelOptions): (variables: CelVariables) => unknown {
  const { evaluate } = parse(text, options);
  return (variables) => {
    try {
      return plain(evaluate(variables));
    } catch (error) {
      throw new FreshetError('PROCESS_FAILED', failure(text, error));
    }
  };
}

/**
 * A condition: as `compileCel`, but it must yield true or false. Where it cannot be answered, since a field is missing or of
 * another type, the answer is false; `a || b` still holds by the side that can be answered.
 */
export function compileCondition(text: string, options: CelOptions): (variables: CelVariables) => boolean {
  const { evaluate, type } = parse(text, options);
  if (type !== 'bool' && type !== 'dyn')
    throw new ConfigProblem(options.path ?? [], `expected a condition (true or false), but "${text}" gives a ${type}`);
  return (variables) => {
    try {
      return evaluate(variables) === true;
    } catch {
      return false;
    }
  };
}

function parse(text: string, options: CelOptions): { evaluate: (variables: CelVariables) => unknown; type: string } {
  const path = options.path ?? [];
  const environment = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true });
  for (const name of options.variables) environment.registerVariable(name, 'dyn');
  celFunctions(environment, options.timezone ?? 'UTC');
  for (const { name, call } of options.lookups ?? []) environment.registerFunction(`${name}(dyn): dyn`, call, { async: false });
  try {
    const parsed = environment.parse(text);
    const checked = parsed.check();
    if (checked.error !== undefined) throw checked.error;
    return { evaluate: parsed as (variables: CelVariables) => unknown, type: checked.type ?? 'dyn' };
  } catch (error) {
    const { summary, range } = error as Partial<EvaluationError>;
    const column = range === undefined ? '' : ` at column ${range.start + 1}`;
    throw new ConfigProblem(path, `not a valid CEL expression: ${summary ?? (error as Error).message}${column} of "${text}"`);
  }
}

/** What went wrong where in the expression; the library's own messages can quote data. */
function failure(text: string, error: unknown): string {
  if (!(error instanceof EvaluationError)) return `"${text}" could not be evaluated`;
  const { code, range, summary } = error;
  const part = range === undefined ? text : text.slice(range.start, range.end);
  const what = code === 'no_such_key' ? 'the field is missing' : code === 'expected' ? summary : code.replaceAll('_', ' ');
  const whole = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return part === text ? `"${whole}": ${what}` : `"${part}" in "${whole}": ${what}`;
}

/** Numbers instead of big integers, values instead of optionals; missing ones become null. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value ?? null;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Optional) return value.hasValue() ? plain(value.value()) : null;
  if (value instanceof Set) return [...value].map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  const primitive: unknown = value.valueOf();
  return typeof primitive === 'bigint' ? Number(primitive) : typeof primitive === 'number' ? primitive : null;
}
