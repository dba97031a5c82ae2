import { createHash } from 'node:crypto';
import { compileCel, compileCondition } from './cel.ts';
import {
  ConfigProblem,
  type Cadence,
  type ConfigPath,
  type FileFormat,
  type SourceConfig,
  type SourceInput,
  type SourceMode,
  type TransformRule,
} from './config.ts';
import { parseDuration } from './duration.ts';
import { schemaCheck } from './json-schema.ts';
import { isSegmentType, segmentTypes } from './segment-message.ts';
import { sourceSchema } from './source-fields.ts';
import type { Liveness } from '../runtime/watermarks/contract.ts';

export { sourceSchema };

type Env = Readonly<Record<string, string | undefined>>;
type CelMap = Readonly<Record<string, string>>;

interface RuleYaml {
  readonly when?: string;
  readonly skip?: string;
  readonly type?: string;
  readonly event?: string;
  readonly message_id?: string;
  readonly occurred_at?: string;
  readonly as_of?: string;
  readonly identifiers?: CelMap;
  readonly properties?: string | CelMap;
  readonly traits?: string | CelMap;
}

/** A source file as the schema lets it through. */
interface SourceYaml {
  readonly source: string;
  readonly description: string;
  readonly owner: string;
  readonly endpoint?: { readonly write_keys: readonly string[] };
  readonly topic?: Readonly<Record<string, never>>;
  readonly file?: {
    readonly format: 'csv' | 'ndjson';
    readonly delimiter?: string;
    readonly group_by?: string;
    readonly drop_duplicate_rows?: boolean;
    readonly time: string;
  };
  readonly mode?: SourceMode;
  readonly cadence?: string | { readonly every: string };
  readonly lateness?: string;
  readonly liveness?: 'heartbeat' | 'batch' | 'drained' | { readonly idle_after: string };
  readonly events?: readonly string[];
  readonly timezone?: string;
  readonly transform?: readonly RuleYaml[];
}

const checkSchema = schemaCheck(sourceSchema);
const hour = 3_600_000;
const intervals: Readonly<Record<string, number>> = { hourly: hour, daily: 24 * hour, nightly: 24 * hour, weekly: 168 * hour };

/** The name of a call that carries none: its type with a capital letter. */
export function eventNameOf(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1);
}

/**
 * Compiles the plain data of a `sources/*.yaml` file; `env` holds what `${NAME}` stands for. Every expression is compiled once to
 * be checked. Throws ConfigProblem with the path and what was expected.
 */
export function compileSource(value: unknown, env: Env): SourceConfig {
  checkSchema(value);
  const yaml = value as SourceYaml;
  const timezone = zoneOf(yaml.timezone ?? 'UTC');
  const input = inputOf(yaml, env, timezone);
  const cadence = cadenceOf(yaml.cadence);
  const transform = yaml.transform?.map((rule, index) => ruleOf(rule, ['transform', index], timezone)) ?? null;
  return {
    name: yaml.source,
    description: yaml.description,
    owner: yaml.owner,
    input,
    mode: yaml.mode ?? (input.kind === 'file' ? 'replay' : 'live'),
    cadence,
    liveness: livenessOf(yaml.liveness, input, cadence),
    latenessMs: yaml.lateness === undefined ? (input.kind === 'file' ? 0 : 5000) : parseDuration(yaml.lateness, ['lateness']),
    events: eventsOf(yaml),
    transform,
    timezone,
  };
}

function zoneOf(timezone: string): string {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: timezone }).format(0);
    return timezone;
  } catch {
    throw new ConfigProblem(['timezone'], `expected an IANA time zone such as Europe/London, found "${timezone}"`);
  }
}

function inputOf(yaml: SourceYaml, env: Env, timezone: string): SourceInput {
  const given = (['endpoint', 'topic', 'file'] as const).filter((kind) => yaml[kind] !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none' : given.join(' and ');
    throw new ConfigProblem(
      given[1] === undefined ? [] : [given[1]],
      `expected exactly one of endpoint, topic and file, found ${found}`,
    );
  }
  if (yaml.endpoint !== undefined) {
    const writeKeyHashes = yaml.endpoint.write_keys.map((key, index) => keyHash(key, env, ['endpoint', 'write_keys', index]));
    return { kind: 'endpoint', writeKeyHashes };
  }
  if (yaml.file === undefined) return { kind: 'topic' };
  compileCel(yaml.file.time, { variables: ['record'], path: ['file', 'time'], timezone });
  const file: FileFormat = {
    format: yaml.file.format,
    delimiter: yaml.file.delimiter ?? ',',
    groupBy: yaml.file.group_by ?? null,
    dropDuplicateRows: yaml.file.drop_duplicate_rows ?? false,
    time: yaml.file.time,
  };
  return { kind: 'file', file };
}

function keyHash(key: string, env: Env, path: ConfigPath): string {
  if (key.startsWith('sha256:')) return key.slice('sha256:'.length).toLowerCase();
  const name = key.slice(2, -1);
  const secret = env[name];
  if (secret === undefined || secret === '') throw new ConfigProblem(path, `the environment variable ${name} is not set`);
  return createHash('sha256').update(secret).digest('hex');
}

function cadenceOf(cadence: SourceYaml['cadence']): Cadence {
  if (typeof cadence === 'object') return { kind: 'every', intervalMs: parseDuration(cadence.every, ['cadence', 'every']) };
  if (cadence === undefined || cadence === 'realtime') return { kind: 'realtime' };
  const intervalMs = intervals[cadence];
  return intervalMs === undefined ? { kind: 'on-change' } : { kind: 'every', intervalMs };
}

function livenessOf(liveness: SourceYaml['liveness'], input: SourceInput, cadence: Cadence): Liveness {
  if (input.kind === 'file' && liveness !== undefined && liveness !== 'batch')
    throw new ConfigProblem(['liveness'], 'expected batch: the reader of the files states how far they have been read');
  switch (liveness) {
    case 'heartbeat':
      return { kind: 'heartbeat' };
    case 'batch':
      return { kind: 'stated' };
    case 'drained':
      return { kind: 'idle-after', patienceMs: Number.POSITIVE_INFINITY };
    case undefined:
      if (input.kind === 'endpoint') return { kind: 'heartbeat' };
      if (input.kind === 'file') return { kind: 'stated' };
      return { kind: 'idle-after', patienceMs: cadence.kind === 'on-change' ? Number.POSITIVE_INFINITY : 5 * 60_000 };
    default:
      return { kind: 'idle-after', patienceMs: parseDuration(liveness.idle_after, ['liveness', 'idle_after']) };
  }
}

/** A plain name as a CEL literal, or what follows an equals sign. */
function nameExpression(name: string): string {
  return name.startsWith('=') ? name.slice(1).trim() : JSON.stringify(name);
}

function ruleOf(rule: RuleYaml, path: ConfigPath, timezone: string): TransformRule {
  const check = (text: string, ...at: string[]): string => {
    compileCel(text, { variables: ['record'], path: [...path, ...at], timezone });
    return text;
  };
  const map = (name: 'identifiers' | 'properties' | 'traits', texts: CelMap): CelMap =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, check(text, name, key)]));
  const single = (name: Exclude<keyof RuleYaml, 'identifiers' | 'properties' | 'traits'>): string | null => {
    const text = rule[name];
    return text === undefined ? null : check(name === 'type' || name === 'event' ? nameExpression(text) : text, name);
  };
  const either = (name: 'properties' | 'traits'): string | CelMap | null => {
    const given = rule[name];
    return given === undefined ? null : typeof given === 'string' ? check(given, name) : map(name, given);
  };
  if (rule.when !== undefined) compileCondition(rule.when, { variables: ['record'], path: [...path, 'when'], timezone });
  const type = rule.type ?? 'track';
  if (rule.skip !== undefined) {
    const extra = Object.keys(rule).find((key) => key !== 'when' && key !== 'skip');
    if (extra !== undefined)
      throw new ConfigProblem([...path, extra], 'a rule that skips has no other fields than when and skip');
  } else {
    if (!type.startsWith('=') && !isSegmentType(type))
      throw new ConfigProblem([...path, 'type'], `expected one of ${segmentTypes.join(', ')}, found "${type}"`);
    if (type === 'track' && rule.event === undefined)
      throw new ConfigProblem(path, '"event" is missing: a track call has a name');
    if (Object.keys(rule.identifiers ?? {}).length === 0)
      throw new ConfigProblem(path, '"identifiers" is missing: an event belongs to a customer by at least one identifier');
  }
  return {
    when: rule.when ?? null,
    skip: rule.skip ?? null,
    type: rule.skip === undefined ? nameExpression(type) : null,
    event: single('event'),
    messageId: single('message_id'),
    occurredAt: single('occurred_at'),
    asOf: single('as_of'),
    identifiers: map('identifiers', rule.identifiers ?? {}),
    properties: either('properties'),
    traits: either('traits'),
  };
}

/** The declared events; else those of the rules, if all of them are named plainly. */
function eventsOf(yaml: SourceYaml): readonly string[] | null {
  const rules = (yaml.transform ?? []).filter((rule) => rule.skip === undefined);
  const names = rules.map((rule) => rule.event ?? (rule.type?.startsWith('=') ? '=' : eventNameOf(rule.type ?? 'track')));
  const plain = names.filter((name) => !name.startsWith('='));
  const declared = yaml.events;
  if (declared === undefined) return yaml.transform === undefined || plain.length < names.length ? null : [...new Set(plain)];
  const undeclared = plain.find((name) => !declared.includes(name));
  if (undeclared !== undefined)
    throw new ConfigProblem(['events'], `"${undeclared}" is missing: a rule of transform makes such events`);
  return declared;
}
