import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, formatDuration, parseDuration } from '../../schemas/duration.ts';
import { calendars, type Unit } from './calendar.ts';
import type { LeafScope } from './operator.ts';
import { isZone } from './zones.ts';

/** A length of time in milliseconds; +Infinity where the config names none. Zero: ConfigProblem. */
export function spanOf(value: string | undefined, field: string, scope: LeafScope): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const path = [...scope.path, field];
  const ms = parseDuration(value, path);
  if (ms === 0) throw new ConfigProblem(path, 'expected a duration above zero');
  return ms;
}

/** As plain data, for a meaning: null stands for ever. */
export function meaningOfSpan(ms: number): number | null {
  return ms === Number.POSITIVE_INFINITY ? null : ms;
}

export function saySpan(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'ever' : `within ${formatDuration(ms)}`;
}

export const withinSchema: JsonSchema = durationSchema(
  'Only events that happened at most so long ago; all there ever were when left out.',
);

const periods = {
  today: ['day', 0],
  yesterday: ['day', 1],
  'this week': ['week', 0],
  'last week': ['week', 1],
  'this month': ['month', 0],
  'last month': ['month', 1],
  'this quarter': ['quarter', 0],
  'last quarter': ['quarter', 1],
  'this year': ['year', 0],
  'last year': ['year', 1],
} as const satisfies Readonly<Record<string, readonly [Unit, number]>>;

export const zoneSchema: JsonSchema = {
  type: 'string',
  minLength: 1,
  description:
    'Whose clocks: customer (the default: the trait timezone, else that of the device, else of the workspace), workspace, or an IANA zone such as Europe/Berlin.',
};

/** The fields by which an operator says which times it looks at. */
export const windowSchemas: Readonly<Record<string, JsonSchema>> = {
  within: withinSchema,
  older_than: durationSchema('With within: only events that happened longer ago than this.'),
  precision: durationSchema(
    'With within: events leave the window up to so much late, together, at full multiples of it. The state of a long window is then no more than one entry for each.',
  ),
  during: {
    enum: Object.keys(periods),
    description: 'Only events of this period of the calendar.',
  },
  zone: zoneSchema,
};

export interface WindowFields {
  readonly within?: string;
  readonly older_than?: string;
  readonly precision?: string;
  readonly during?: keyof typeof periods;
  readonly zone?: string;
}

/** Which events count at which time. Times are epoch milliseconds. */
export interface Window {
  /** Fields for the meaning of a leaf. */
  readonly meaning: Readonly<Record<string, unknown>>;
  readonly says: string;
  /** The customer's own time zone decides. */
  readonly personal: boolean;
  /** An event begins to count when it happens, whatever else is known. */
  readonly prompt: boolean;
  /** The times of events that count at `at`: after the first, up to the second. */
  range(at: number, zone: string): readonly [after: number, upTo: number];
  /** Events from so long before a moment do not count at it. */
  readonly reach: number;
  /** From when, and until when, an event of time `t` counts. */
  span(t: number, zone: string): readonly [from: number, until: number];
  /** Events up to this time count at no time from `horizon` on. */
  behind(horizon: number): number;
  /** Of events up to this time those of one bucket are the same to every question from `horizon` on. */
  merged(horizon: number): number;
  /** Undefined where each event has its own end. */
  bucket(t: number): number | undefined;
}

export function windowOf(fields: WindowFields, scope: LeafScope): Window {
  const given = (...names: (keyof WindowFields)[]): (keyof WindowFields)[] => names.filter((name) => fields[name] !== undefined);
  const refuse = (name: string, message: string): never => {
    throw new ConfigProblem([...scope.path, name], message);
  };
  const [stray] = fields.during === undefined ? given('zone') : given('within', 'older_than', 'precision');
  if (stray !== undefined) refuse(stray, stray === 'zone' ? 'expected it only beside during' : 'expected either this or during');
  if (fields.during !== undefined) return calendarWindow(fields.during, fields.zone ?? 'customer', scope);
  const [alone] = fields.within === undefined ? given('older_than', 'precision') : [];
  if (alone !== undefined) refuse(alone, 'expected within beside it');
  const within = spanOf(fields.within, 'within', scope);
  const older = fields.older_than === undefined ? 0 : spanOf(fields.older_than, 'older_than', scope);
  if (older >= within) refuse('older_than', `expected less than within (${formatDuration(within)})`);
  const step = fields.precision === undefined ? undefined : spanOf(fields.precision, 'precision', scope);
  return slidingWindow(within, older, step);
}

function slidingWindow(within: number, older: number, step: number | undefined): Window {
  const ever = within === Number.POSITIVE_INFINITY;
  const floor = (at: number): number => (step === undefined ? at : Math.floor(at / step) * step);
  const end = (t: number): number => (step === undefined ? t + within : Math.ceil((t + within) / step) * step);
  const later = older === 0 ? '' : `, but not within ${formatDuration(older)}`;
  return {
    meaning: { within: meaningOfSpan(within), older_than: older || undefined, precision: step },
    says: `${saySpan(within)}${later}`,
    personal: false,
    prompt: older === 0,
    reach: within + (step ?? 0),
    range: (at) => [floor(at) - within, at - older],
    span: (t) => [t + older, end(t)],
    behind: (horizon) => floor(horizon) - within,
    merged: (horizon) => horizon - older,
    bucket: (t) => (ever ? 0 : step === undefined ? undefined : end(t)),
  };
}

const day = 86_400_000;
/** Days in the longest of a kind. */
const longest: Readonly<Record<Unit, number>> = { day: 1, week: 7, month: 31, quarter: 92, year: 366 };
/** No zone is apart from another by a part of this, so that no border of a period lies inside one. */
const quarter = day / 96;

function calendarWindow(during: keyof typeof periods, zone: string, scope: LeafScope): Window {
  const personal = zone === 'customer';
  const fixed = zone === 'workspace' || personal ? scope.timezone : zone;
  if (!isZone(fixed))
    throw new ConfigProblem(
      [...scope.path, 'zone'],
      `expected customer, workspace or an IANA time zone such as Europe/Berlin, found "${zone}"`,
    );
  const of = calendars();
  const [unit, ago] = periods[during];
  const start = (at: number, by: number, zone: string): number => of(personal ? zone : fixed).shift(unit, at, by);
  const range = (at: number, zone: string): readonly [number, number] => [
    start(at, -ago, zone) - 1,
    ago === 0 ? at : start(at, 0, zone) - 1,
  ];
  return {
    meaning: { during, zone: personal ? 'customer' : fixed, otherwise: personal ? fixed : undefined },
    says: during,
    personal,
    prompt: ago === 0 && !personal,
    reach: (longest[unit] * (ago + 1) + 2) * day,
    range,
    span: (t, zone) => [ago === 0 ? t : start(t, ago, zone), start(t, ago + 1, zone)],
    behind: (horizon) => (personal ? range(horizon - day, 'UTC')[0] - day : range(horizon, fixed)[0]),
    merged: (horizon) => horizon,
    bucket: (t) => (personal ? Math.floor(t / quarter) : start(t, 0, fixed)),
  };
}
