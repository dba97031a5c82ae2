import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, formatDuration, parseDuration } from '../../schemas/duration.ts';
import { wallClock } from '../../schemas/local-time.ts';
import type { LeafScope } from './operator.ts';

/** A condition on one value, which may come and go with time. */
export interface Matcher {
  readonly meaning: Readonly<Record<string, unknown>>;
  readonly says: string;
  /** `value` is plain data; undefined where there is none. */
  holds(value: unknown, at: number): boolean;
  /** The next time after `at` at which the answer may be another; +Infinity if never. */
  next(value: unknown, at: number): number;
}

type Test = (value: unknown) => boolean;
type Compile = (wanted: never, path: readonly (string | number)[], scope: LeafScope) => Test;

const number =
  (test: (value: number, limit: number) => boolean) =>
  (limit: number): Test =>
  (value) =>
    typeof value === 'number' && test(value, limit);
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const dated =
  (test: (value: number, limit: number) => boolean) =>
  (text: string, path: readonly (string | number)[], scope: LeafScope): Test => {
    const timeOf = timeReader(scope.timezone);
    const limit = timeOf(text);
    if (limit === undefined)
      throw new ConfigProblem(path, `expected a time such as 2026-01-31 or 2026-01-31T12:00:00Z, found "${text}"`);
    return (value) => {
      const time = timeOf(value);
      return time !== undefined && test(time, limit);
    };
  };

const scalar = {
  description: 'a text, a number, true or false',
  anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
};
const describe = (schema: JsonSchema, description: string): JsonSchema => ({ ...schema, description });

/** Conditions that only the value decides. */
const timeless: Readonly<Record<string, { readonly schema: JsonSchema; readonly compile: Compile }>> = {
  equals: {
    schema: describe(scalar, 'The value is this: a text, a number, true or false.'),
    compile: (wanted: unknown) => (value) => same(value, wanted),
  },
  in: {
    schema: { type: 'array', minItems: 1, items: scalar, description: 'The value is one of these.' },
    compile: (wanted: readonly unknown[]) => (value) => wanted.some((each) => same(each, value)),
  },
  contains: {
    schema: describe(scalar, 'The text has this in it, whatever the case; or the list has it as an element.'),
    compile: (wanted: unknown) => (value) =>
      Array.isArray(value)
        ? value.some((each) => same(each, wanted))
        : typeof value === 'string' && value.toLowerCase().includes(String(wanted).toLowerCase()),
  },
  exists: {
    schema: { type: 'boolean', description: 'true: there is a value; false: there is none.' },
    compile: (wanted: boolean) => (value) => (value !== undefined && value !== null) === wanted,
  },
  at_least: { schema: { type: 'number', description: 'The value is at least this.' }, compile: number((a, b) => a >= b) },
  more_than: { schema: { type: 'number', description: 'The value is more than this.' }, compile: number((a, b) => a > b) },
  at_most: { schema: { type: 'number', description: 'The value is at most this.' }, compile: number((a, b) => a <= b) },
  less_than: { schema: { type: 'number', description: 'The value is less than this.' }, compile: number((a, b) => a < b) },
  before: {
    schema: { type: 'string', minLength: 4, description: 'The value is a time before this one, e.g. 2026-01-31.' },
    compile: dated((a, b) => a < b),
  },
  after: {
    schema: { type: 'string', minLength: 4, description: 'The value is this time or a later one, e.g. 2026-01-31.' },
    compile: dated((a, b) => a >= b),
  },
};

export const timelessSchemas: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  Object.entries(timeless).map(([name, { schema }]) => [name, schema]),
);

/** Conditions, those that come and go with time included. */
export const matcherSchemas: Readonly<Record<string, JsonSchema>> = {
  ...timelessSchemas,
  within_last: durationSchema('The value is a time at most so long ago.'),
  within_next: durationSchema('The value is a time still to come, at most so far away.'),
  every_year: { type: 'boolean', description: 'With within_last or within_next: of the value only day and month count.' },
};

/** Exactly one of the conditions stands in the config; otherwise ConfigProblem. */
export function matcherOf(
  config: Readonly<Record<string, unknown>>,
  scope: LeafScope,
  offered: Readonly<Record<string, JsonSchema>> = matcherSchemas,
): Matcher {
  const names = Object.keys(offered).filter((name) => name !== 'every_year');
  const given = names.filter((name) => config[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length > 1)
    throw new ConfigProblem(scope.path, `expected exactly one of ${names.join(', ')}, found ${given.join(' and ') || 'none'}`);
  const plain = timeless[name];
  const yearly = config['every_year'] === true;
  const path = [...scope.path, name];
  if (plain === undefined) return near(name, parseDuration(config[name], path), yearly, scope.timezone);
  if (yearly) throw new ConfigProblem([...scope.path, 'every_year'], 'expected within_last or within_next beside it');
  const test = plain.compile(config[name] as never, path, scope);
  return {
    meaning: { [name]: config[name] },
    says: `${name} ${JSON.stringify(config[name])}`,
    holds: test,
    next: () => Number.POSITIVE_INFINITY,
  };
}

function near(name: string, span: number, yearly: boolean, timezone: string): Matcher {
  const timeOf = timeReader(timezone);
  const times = (value: unknown, at: number): readonly number[] => {
    const time = timeOf(value);
    if (time === undefined) return [];
    const date = new Date(time);
    const year = new Date(at).getUTCFullYear();
    const reach = Math.ceil(span / 31_536_000_000) + 1;
    if (!yearly) return [time];
    return Array.from({ length: 2 * reach + 1 }, (_, index) => new Date(date).setUTCFullYear(year + index - reach));
  };
  const bounds = (time: number): readonly [number, number] =>
    name === 'within_last' ? [time, time + span] : [time - span, time];
  return {
    meaning: { [name]: span, every_year: yearly || undefined },
    says: `${name} ${formatDuration(span)}${yearly ? ' every year' : ''}`,
    holds: (value, at) => times(value, at).some((time) => at >= bounds(time)[0] && at < bounds(time)[1]),
    next: (value, at) =>
      Math.min(
        ...times(value, at)
          .flatMap(bounds)
          .filter((time) => time > at),
        Number.POSITIVE_INFINITY,
      ),
  };
}

/** Reads times as epoch milliseconds: ISO 8601, a day alone as its beginning in the zone; a number as seconds or milliseconds. */
export function timeReader(timezone: string): (value: unknown) => number | undefined {
  const toEpoch = timezone === 'UTC' ? (wall: number) => wall : wallClock(timezone);
  return (value) => {
    if (typeof value === 'number') return Math.abs(value) < 100_000_000_000 ? value * 1000 : value;
    if (typeof value !== 'string' || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(value)) return undefined;
    const time = Date.parse(value);
    if (Number.isNaN(time)) return undefined;
    return value.length === 10 ? toEpoch(time) : time;
  };
}
