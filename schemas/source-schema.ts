import { createHash } from 'node:crypto';
import { compileCel, compileCondition } from './cel.ts';
import {
  ConfigProblem,
  type Cadence,
  type ConfigPath,
  type FileFormat,
  type JsonSchema,
  type SourceConfig,
  type SourceInput,
  type SourceMode,
  type TransformRule,
} from './config.ts';
import { parseDuration } from './duration.ts';
import { schemaCheck } from './json-schema.ts';
import { recordCheck } from './record-check.ts';
import { compileTable, type TableYaml } from './reference-table.ts';
import { isSegmentType, segmentTypes } from './segment-message.ts';
import { cadenceOf, type CadenceYaml } from './source-cadence.ts';
import { compileEnrich, type EnrichYaml } from './source-enrich.ts';
import { compileFiles, type FilesYaml } from './source-files.ts';
import { compilePoll, compileWebhook, type PollYaml, type WebhookYaml } from './source-pull.ts';
import { sourceSchema } from './source-fields.ts';
import type { Liveness } from '../runtime/watermarks/contract.ts';
import type { BatchEnd } from '../runtime/watermarks/source-batches.ts';

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
  readonly ends_batch?: boolean;
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
  readonly files?: FilesYaml;
  readonly poll?: PollYaml;
  readonly webhook?: WebhookYaml;
  readonly enrich?: EnrichYaml;
  readonly keep?: string;
  readonly mode?: SourceMode;
  readonly cadence?: CadenceYaml;
  readonly fed_by?: Readonly<Record<string, CadenceYaml>>;
  readonly lateness?: string;
  readonly liveness?:
    | 'heartbeat'
    | 'batch'
    | 'drained'
    | { readonly idle_after: string }
    | { readonly batch: { readonly quiet: string } };
  readonly events?: readonly string[];
  readonly timezone?: string;
  readonly transform?: readonly RuleYaml[];
  readonly schema?: string | JsonSchema;
  readonly table?: TableYaml;
}

const checkSchema = schemaCheck(sourceSchema);
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
  const cadence = cadenceOf(yaml.cadence ?? (yaml.poll ? { every: yaml.poll.every } : 'realtime'), timezone, ['cadence']);
  const fedBy = Object.entries(yaml.fed_by ?? {}).map(([name, each]) => ({
    name,
    cadence: cadenceOf(each, timezone, ['fed_by', name]),
  }));
  const transform =
    yaml.transform?.map((rule, index) => ruleOf(rule, ['transform', index], timezone, yaml.table !== undefined)) ?? null;
  const table = yaml.table === undefined ? undefined : compileTable(yaml.table, ['table']);
  return {
    name: yaml.source,
    description: yaml.description,
    owner: yaml.owner,
    input,
    mode: yaml.mode ?? (input.kind === 'file' ? 'replay' : 'live'),
    cadence,
    liveness: livenessOf(yaml, input, cadence),
    latenessMs: yaml.lateness === undefined ? latenessOf(input, cadence) : parseDuration(yaml.lateness, ['lateness']),
    events: eventsOf(yaml),
    transform,
    timezone,
    ...(yaml.keep === undefined ? {} : { keepMs: keepOf(yaml.keep) }),
    ...(fedBy.length > 0 ? { fedBy } : {}),
    ...(table === undefined ? {} : { table }),
    ...(yaml.schema === undefined ? {} : { schema: recordSchemaOf(yaml.schema) }),
  };
}

/** A schema that stands in a file of its own is put here by whoever reads the files. */
function recordSchemaOf(schema: string | JsonSchema): JsonSchema {
  if (typeof schema === 'string')
    throw new ConfigProblem(['schema'], `expected the JSON Schema itself, found the file "${schema}"`);
  try {
    recordCheck(schema);
  } catch (error) {
    if (error instanceof ConfigProblem) throw new ConfigProblem(['schema', ...error.path], error.message);
    throw error;
  }
  return schema;
}

/** What is kept for less than an hour cannot be read again after a stop; history is kept elsewhere for longer than 400 days. */
function keepOf(keep: string): number {
  const ms = parseDuration(keep, ['keep']);
  if (ms < 3_600_000 || ms > 400 * 86_400_000) throw new ConfigProblem(['keep'], `expected 1h to 400d, found "${keep}"`);
  return ms;
}

function latenessOf(input: SourceInput, cadence: Cadence): number {
  if (input.kind === 'file') return 0;
  return cadence.kind === 'nightly' ? 3_600_000 : 5000;
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
  const given = (['endpoint', 'topic', 'file', 'files', 'poll', 'webhook', 'enrich'] as const).filter(
    (kind) => yaml[kind] !== undefined,
  );
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none' : given.join(' and ');
    throw new ConfigProblem(
      given[1] === undefined ? [] : [given[1]],
      `expected exactly one of endpoint, topic, file, files, poll, webhook and enrich, found ${found}`,
    );
  }
  if (yaml.endpoint !== undefined) {
    const writeKeyHashes = yaml.endpoint.write_keys.map((key, index) => keyHash(key, env, ['endpoint', 'write_keys', index]));
    return { kind: 'endpoint', writeKeyHashes };
  }
  if (yaml.files !== undefined) {
    const hasEnd = yaml.transform?.some((rule) => rule.ends_batch === true) ?? false;
    return { kind: 'files', files: compileFiles(yaml.files, env, { timezone, hasEnd }) };
  }
  if (yaml.poll !== undefined) return { kind: 'poll', poll: compilePoll(yaml.poll, env) };
  if (yaml.enrich !== undefined) return { kind: 'enrich', enrich: compileEnrich(yaml.enrich, env, customersOf(yaml)) };
  if (yaml.webhook !== undefined) return { kind: 'webhook', webhook: compileWebhook(yaml.webhook, env) };
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

/** Whether what becomes of an answer is of the customer who caused the question. */
function customersOf({ transform, table }: SourceYaml): boolean {
  if (transform === undefined)
    throw new ConfigProblem(['enrich'], '"transform" is missing beside it: it says what becomes of an answer');
  const told = transform.filter(({ skip }) => skip === undefined);
  const ofCustomers = told.filter(({ identifiers = {} }) => Object.keys(identifiers).length > 0);
  if (ofCustomers.length === 0 && table === undefined)
    throw new ConfigProblem(
      ['enrich'],
      'expected a rule of transform with identifiers, or a table: nobody would hear of an answer',
    );
  return ofCustomers.length > 0;
}

function keyHash(key: string, env: Env, path: ConfigPath): string {
  if (key.startsWith('sha256:')) return key.slice('sha256:'.length).toLowerCase();
  const name = key.slice(2, -1);
  const secret = env[name];
  if (secret === undefined || secret === '') throw new ConfigProblem(path, `the environment variable ${name} is not set`);
  return createHash('sha256').update(secret).digest('hex');
}

function livenessOf({ liveness, transform = [] }: SourceYaml, input: SourceInput, cadence: Cadence): Liveness {
  if (input.kind === 'file' && liveness !== undefined && liveness !== 'batch')
    throw new ConfigProblem(['liveness'], 'expected batch: the reader of the files states how far they have been read');
  if (input.kind === 'enrich' && liveness !== undefined)
    throw new ConfigProblem(['liveness'], 'expected none: whoever asks states up to when all has been answered');
  if (input.kind === 'files') {
    if (liveness !== undefined && liveness !== 'batch')
      throw new ConfigProblem(['liveness'], 'expected batch, or none: files come in batches');
    return { kind: 'batch', ends: { kind: 'marker' }, vouched: false };
  }
  if (
    input.kind === 'poll' &&
    liveness !== undefined &&
    liveness !== 'batch' &&
    !(typeof liveness === 'object' && 'batch' in liveness)
  )
    throw new ConfigProblem(['liveness'], 'expected batch, or none: whoever asks states up to when it has been answered');
  const ending = transform.findIndex((rule) => rule.ends_batch === true);
  const isBatch = liveness === 'batch' || (typeof liveness === 'object' && 'batch' in liveness);
  if (ending >= 0 && (!isBatch || input.kind === 'file'))
    throw new ConfigProblem(
      ['transform', ending, 'ends_batch'],
      'expected only where liveness is batch, of a topic or an endpoint',
    );
  if (isBatch) {
    if (input.kind === 'file') return { kind: 'stated' };
    return {
      kind: 'batch',
      ends: batchEndOf(liveness, ending),
      vouched: input.kind === 'endpoint' || input.kind === 'webhook',
    };
  }
  switch (liveness) {
    case 'heartbeat':
      return { kind: 'heartbeat' };
    case 'drained':
      return { kind: 'idle-after', patienceMs: Number.POSITIVE_INFINITY };
    case undefined:
      if (input.kind === 'endpoint' || input.kind === 'webhook') return { kind: 'heartbeat' };
      if (input.kind === 'file' || input.kind === 'poll' || input.kind === 'enrich') return { kind: 'stated' };
      return { kind: 'idle-after', patienceMs: cadence.kind === 'on-change' ? Number.POSITIVE_INFINITY : 5 * 60_000 };
    default:
      return { kind: 'idle-after', patienceMs: parseDuration(liveness.idle_after, ['liveness', 'idle_after']) };
  }
}

function batchEndOf(liveness: 'batch' | { readonly batch: { readonly quiet: string } }, ending: number): BatchEnd {
  if (liveness === 'batch') return ending >= 0 ? { kind: 'marker' } : { kind: 'next' };
  const path = ['liveness', 'batch', 'quiet'];
  if (ending >= 0) throw new ConfigProblem(path, 'expected liveness: batch, since a rule has ends_batch');
  return { kind: 'quiet', quietMs: parseDuration(liveness.batch.quiet, path) };
}

/** A plain name as a CEL literal, or what follows an equals sign. */
function nameExpression(name: string): string {
  return name.startsWith('=') ? name.slice(1).trim() : JSON.stringify(name);
}

function ruleOf(rule: RuleYaml, path: ConfigPath, timezone: string, isTable: boolean): TransformRule {
  const check = (text: string, ...at: string[]): string => {
    compileCel(text, { variables: ['record'], path: [...path, ...at], timezone });
    return text;
  };
  const map = (name: 'identifiers' | 'properties' | 'traits', texts: CelMap): CelMap =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, check(text, name, key)]));
  const single = (name: Exclude<keyof RuleYaml, 'identifiers' | 'properties' | 'traits' | 'ends_batch'>): string | null => {
    const text = rule[name];
    return text === undefined ? null : check(name === 'type' || name === 'event' ? nameExpression(text) : text, name);
  };
  const either = (name: 'properties' | 'traits'): string | CelMap | null => {
    const given = rule[name];
    return given === undefined ? null : typeof given === 'string' ? check(given, name) : map(name, given);
  };
  if (rule.when !== undefined) compileCondition(rule.when, { variables: ['record'], path: [...path, 'when'], timezone });
  if (rule.ends_batch === true && rule.as_of === undefined)
    throw new ConfigProblem(path, '"as_of" is missing: the end of a batch says of which');
  const type = rule.type ?? 'track';
  if (rule.skip !== undefined) {
    const allowed = rule.ends_batch === true ? ['when', 'skip', 'as_of', 'ends_batch'] : ['when', 'skip'];
    const extra = Object.keys(rule).find((key) => !allowed.includes(key));
    if (extra !== undefined)
      throw new ConfigProblem([...path, extra], 'a rule that skips has no other fields than when and skip');
  } else {
    if (!type.startsWith('=') && !isSegmentType(type))
      throw new ConfigProblem([...path, 'type'], `expected one of ${segmentTypes.join(', ')}, found "${type}"`);
    if (type === 'track' && rule.event === undefined)
      throw new ConfigProblem(path, '"event" is missing: a track call has a name');
    if (!isTable && Object.keys(rule.identifiers ?? {}).length === 0)
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
    ...(rule.ends_batch === true ? { endsBatch: true } : {}),
  };
}

/** The declared events; else those of the rules, if all of them are named plainly. */
function eventsOf(yaml: SourceYaml): readonly string[] | null {
  const rules = (yaml.transform ?? []).filter((rule) => rule.skip === undefined);
  const ofCustomers = rules.filter((rule) => Object.keys(rule.identifiers ?? {}).length > 0);
  const made = (yaml.table?.changes ?? []).map(({ event }) => event);
  const names = ofCustomers.map((rule) => rule.event ?? (rule.type?.startsWith('=') ? '=' : eventNameOf(rule.type ?? 'track')));
  const plain = names.filter((name) => !name.startsWith('='));
  const declared = yaml.events;
  if (declared === undefined)
    return yaml.transform === undefined || plain.length < names.length ? null : [...new Set([...plain, ...made])];
  const undeclared = plain.find((name) => !declared.includes(name));
  if (undeclared !== undefined)
    throw new ConfigProblem(['events'], `"${undeclared}" is missing: a rule of transform makes such events`);
  return [...new Set([...declared, ...made])];
}
