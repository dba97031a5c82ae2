import { ConfigProblem, type Cadence, type ConfigPath, type JsonSchema, type Nightly } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { wallClock, zoneOffset } from './local-time.ts';

const hour = 3_600_000;
const day = 24 * hour;
const intervals: Readonly<Record<string, number>> = { hourly: hour, daily: day, nightly: day, weekly: 7 * day };
const names = ['realtime', 'on-change', ...Object.keys(intervals)];

/** A cadence as a file says it. */
export type CadenceYaml =
  | string
  | { readonly every: string }
  | { readonly nightly: { readonly at: string; readonly timezone?: string } };

/** A property that holds a cadence. */
export function cadenceSchema(description: string): JsonSchema {
  const object = (what: string, name: string, property: JsonSchema): JsonSchema => ({
    type: 'object',
    description: what,
    properties: { [name]: property },
    required: [name],
    additionalProperties: false,
  });
  const at = {
    type: 'string',
    pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
    description: 'Time of the local clock, HH:mm; one that a clock change skips is moved forward.',
  };
  const timezone = { type: 'string', minLength: 1, description: 'IANA name of the zone; that of the source when left out.' };
  const nightly = {
    type: 'object',
    description: "When the night's update is due.",
    properties: { at, timezone },
    required: ['at'],
    additionalProperties: false,
  };
  return {
    description: `${description}: ${names.join(', ')}, {every: 6h}, or {nightly: {at: "02:00", timezone: Europe/London}}`,
    anyOf: [
      { enum: names },
      object('A fixed interval.', 'every', durationSchema('The interval.')),
      object('Once a day.', 'nightly', nightly),
    ],
  };
}

/** Compiles a cadence; `timezone` where it names none. Throws ConfigProblem. */
export function cadenceOf(cadence: CadenceYaml, timezone: string, path: ConfigPath): Cadence {
  if (typeof cadence === 'string') {
    if (cadence === 'realtime') return { kind: 'realtime' };
    const intervalMs = intervals[cadence];
    return intervalMs === undefined ? { kind: 'on-change' } : { kind: 'every', intervalMs };
  }
  if ('every' in cadence) {
    const intervalMs = parseDuration(cadence.every, [...path, 'every']);
    if (intervalMs === 0) throw new ConfigProblem([...path, 'every'], 'expected a duration above zero');
    return { kind: 'every', intervalMs };
  }
  const { at, timezone: zone = timezone } = cadence.nightly;
  try {
    return nightly(at, zone);
  } catch {
    const expected = `expected an IANA time zone such as Europe/London, found "${zone}"`;
    throw new ConfigProblem([...path, 'nightly', 'timezone'], expected);
  }
}

/** Every day at `at` (`HH:mm`) by the clocks of the zone: 23 or 25 hours apart when they change. RangeError for an unknown zone. */
export function nightly(at: string, timezone: string): Nightly {
  const [hours = 0, minutes = 0] = at.split(':').map(Number);
  const offset = zoneOffset(timezone);
  const toEpoch = wallClock(timezone);
  const around = (now: number): readonly number[] => {
    const midnight = Math.floor((now + offset(now)) / day) * day;
    return [-1, 0, 1, 2].map((days) => toEpoch(midnight + days * day + hours * hour + minutes * 60_000));
  };
  return {
    kind: 'nightly',
    at,
    timezone,
    last: (now) => Math.max(...around(now).filter((each) => each <= now)),
    next: (now) => Math.min(...around(now).filter((each) => each > now)),
  };
}

/** Longest time from one update to the next, milliseconds; 0 where something new comes at once. */
export function longestGap(cadence: Cadence): number {
  if (cadence.kind === 'every') return cadence.intervalMs;
  return cadence.kind === 'nightly' ? day + hour : 0;
}

/** In words, e.g. `nightly at 02:00 Europe/London`, `every 1h`. */
export function cadenceInWords(cadence: Cadence, inWords: (ms: number) => string): string {
  if (cadence.kind === 'every') return `every ${inWords(cadence.intervalMs)}`;
  return cadence.kind === 'nightly' ? `nightly at ${cadence.at} ${cadence.timezone}` : cadence.kind;
}
