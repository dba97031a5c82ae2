import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { compileFraud, defaultFraud, type FraudConfig } from '../processors/detect-fraud/config.ts';
import { compileRates, RATES, type Rates, type RatesYaml } from '../processors/evaluate-segments/rates.ts';
import { segmentCompiler, type CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import { compileActivation, type CompiledActivation } from '../processors/plan-activations/activation.ts';
import { compileIdentity, defaultIdentity, type IdentityRules } from '../processors/stitch-identity/identity.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { schemaProblems } from '../schemas/json-schema.ts';
import { parseDuration } from '../schemas/duration.ts';
import { referenceReader, type ReferenceReader } from '../schemas/reference-reader.ts';
import { compileSource } from '../schemas/source-schema.ts';
import { checkReferences } from './check-references.ts';
import { type ChannelDemands, ofChannels, withDemands } from './demands.ts';
import { feasibilityWarnings } from './feasibility.ts';
import { workspaceJsonSchemas, type FileKind } from './json-schemas.ts';
import { refuse, type Problem } from './problems.ts';
import type { Values } from './parameters.ts';
import { retentionWarnings } from './retention.ts';
import { withRecordSchema } from './source-schemas.ts';
import { testsOf, type SegmentTest } from './segment-tests.ts';
import { attempt, readYaml, type Compiled, type YamlFile } from './yaml-file.ts';

/** A workspace: what a business declares, compiled. */
export interface Workspace {
  readonly dir: string;
  readonly name: string;
  readonly secret: string;
  readonly timezone: string;
  readonly sources: readonly SourceConfig[];
  readonly segments: readonly CompiledSegment[];
  /** Rates of exchange, where there are some. */
  readonly rates?: Rates | undefined;
  readonly activations: readonly CompiledActivation[];
  /** Reference tables of the sources, as expressions call them. */
  readonly reference: ReferenceReader;
  /** Of identity.yaml, or the defaults. */
  readonly identity: IdentityRules;
  /** Of fraud.yaml, or the defaults. */
  readonly fraud: FraudConfig;
  /** Names of the templates, without the ending of their files. */
  readonly templates: readonly string[];
  readonly templatesDir: string;
  readonly tests: readonly SegmentTest[];
  readonly demo: Demo | undefined;
  /** The files of sources, segments and activations as plain data, with their parameters filled in but no secrets. */
  readonly declared: readonly unknown[];
  /** What can be run, but hardly does what it was meant to. */
  readonly warnings: readonly Problem[];
}

/** What lives in the workspace when it is shown. */
export interface Demo {
  /** Program that sends the events, relative to the workspace. */
  readonly script: string;
  /** Source that its past belongs to. */
  readonly history: string | undefined;
  /** A command for the reader to try, with `$GATEWAY` for the address of the gateway. */
  readonly tryIt: string | undefined;
  /** What can go wrong on demand, in the order in which it is told. */
  readonly troubles: readonly Trouble[];
}

/** Something that goes wrong with a source, and is mended. */
export interface Trouble {
  readonly name: string;
  readonly source: string;
  readonly forMs: number;
  /** Sentences for whoever watches. */
  readonly says: string;
  readonly mended: string;
}

export interface LoadOptions {
  /** Name of a profile of freshet.yaml, whose values stand for the parameters of the other files. */
  readonly profile?: string;
}

interface Settings {
  readonly name: string;
  readonly secret: string;
  readonly timezone?: string;
  readonly channels?: ChannelDemands;
  readonly rates?: RatesYaml;
  readonly demo?: {
    readonly script: string;
    readonly history?: string;
    readonly try_it?: string;
    readonly troubles?: Readonly<Record<string, { source: string; for: string; says: string; mended: string }>>;
  };
  readonly profiles?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
}

/**
 * Reads and checks a workspace. `env` is where `${NAME}` comes from. With any problem nothing is returned: CONFIG_INVALID,
 * which lists all of them, one a line, as `file:line:column field: what was expected`.
 */
export async function loadWorkspace(dir: string, env: Values, options: LoadOptions = {}): Promise<Workspace> {
  const problems: Problem[] = [];
  const { settings, file, values, rates } = await readSettings(dir, env, options.profile, problems);
  const timezone = settings?.timezone ?? 'UTC';
  const read = reader(dir, values, problems);
  const rules = await segmentRules(dir, values);
  const compileSegment = segmentCompiler(timezone, (name) => rules.get(name), undefined, rates);
  const sources = await read('sources', (data) => compileSource(data, env));
  const reference = referenceReader(sources.map(({ value }) => value));
  const identity = await readSingle(dir, 'identity.yaml', 'identity', compileIdentity, values, problems);
  const fraud = await readSingle(dir, 'fraud.yaml', 'fraud', compileFraud, values, problems);
  const before = problems.length;
  const segments = await read('segments', compileSegment);
  const allSegments = problems.length === before;
  const activations = await read('activations', (data) => compileActivation(data, reference));
  const templatesDir = join(dir, 'templates');
  const templates = (await list(templatesDir))
    .filter((file) => /\.(mjml|liquid)$/.test(file))
    .map((file) => basename(file, extname(file)));
  for (const { file: declaring, value } of sources)
    if (rates !== undefined && value.name === RATES)
      problems.push(declaring.problem(['source'], `expected another name, ${RATES} are the rates of freshet.yaml`));
  const channels = ofChannels(file, settings?.channels);
  problems.push(...checkReferences({ sources, segments, allSegments, activations, channels, templates }));
  refuse(problems);
  if (settings === undefined) throw new FreshetError('CONFIG_INVALID', `${dir}: expected a file freshet.yaml`);
  const plain = <T>(compiled: readonly Compiled<T>[]): readonly T[] => compiled.map(({ value }) => value);
  return {
    dir,
    name: settings.name,
    secret: settings.secret,
    timezone,
    sources: plain(sources),
    segments: plain(segments),
    ...(rates === undefined ? {} : { rates }),
    activations: withDemands(plain(activations), plain(segments), settings.channels),
    reference,
    identity: identity ?? defaultIdentity,
    fraud: fraud ?? defaultFraud,
    templates,
    templatesDir,
    demo: settings.demo && demoOf(settings.demo),
    declared: [...sources, ...segments, ...activations].map(({ file }) => file.data),
    warnings: [
      ...feasibilityWarnings([...segments, ...activations, ...channels], plain(sources)),
      ...retentionWarnings(segments),
    ],
    tests: segments.flatMap(({ file, value }) => testsOf(file, value)),
  };
}

function demoOf({ script, history, try_it: tryIt, troubles = {} }: NonNullable<Settings['demo']>): Demo {
  const told = Object.entries(troubles).map(([name, { source, for: time, says, mended }]): Trouble => {
    return { name, source, forMs: parseDuration(time, ['demo', 'troubles', name, 'for']), says, mended };
  });
  return { script, history, tryIt, troubles: told };
}

/** Reads a file of rules of identity that lies anywhere; CONFIG_INVALID with the places of what is wrong. */
export async function loadIdentity(dir: string, name: string, env: Values): Promise<IdentityRules> {
  const problems: Problem[] = [];
  const rules = await readSingle(dir, name, 'identity', compileIdentity, env, problems);
  refuse(problems);
  if (rules === undefined) throw new FreshetError('CONFIG_INVALID', `${dir}: expected a file ${name}`);
  return rules;
}

/** Reads freshet.yaml, and the values of parameters in the other files: those of the profile, else of the environment. */
async function readSettings(
  dir: string,
  env: Values,
  profile: string | undefined,
  problems: Problem[],
): Promise<{ settings: Settings | undefined; file?: YamlFile; values: Values; rates?: Rates | undefined }> {
  const name = 'freshet.yaml';
  if (!(await list(dir)).includes(name)) {
    problems.push({ file: name, line: 1, column: 1, field: '', message: `expected this file in ${dir}` });
    return { settings: undefined, values: env };
  }
  const file = await readYaml(dir, name, { values: env }, problems);
  if (file === undefined || !fits('freshet', file, problems)) return { settings: undefined, values: env };
  const settings = file.data as Settings;
  if (settings.timezone !== undefined && !isTimezone(settings.timezone))
    problems.push(file.problem(['timezone'], `expected an IANA time zone such as Europe/London, found "${settings.timezone}"`));
  const rates = settings.rates && attempt(file, problems, () => compileRates(settings.rates as RatesYaml));
  if (profile === undefined) return { settings, file, values: env, rates };
  const chosen = settings.profiles?.[profile];
  if (chosen === undefined) {
    const known = Object.keys(settings.profiles ?? {}).join(', ') || 'none';
    problems.push(file.problem(['profiles'], `expected the profile ${profile}, found ${known}`));
  }
  const given = Object.fromEntries(Object.entries(chosen ?? {}).map(([key, value]) => [key, String(value)]));
  return { settings, file, values: { ...env, ...given }, rates };
}

/** Reads a file of the workspace that may be left out; what does not fit goes to `problems`. */
async function readSingle<T>(
  dir: string,
  name: string,
  kind: 'identity' | 'fraud',
  compile: (data: unknown) => T,
  values: Values,
  problems: Problem[],
): Promise<T | undefined> {
  if (!(await list(dir)).includes(name)) return undefined;
  const before = problems.length;
  const file = await readYaml(dir, name, { values }, problems);
  if (file === undefined || !fits(kind, file, problems) || problems.length > before) return undefined;
  return attempt(file, problems, compile);
}

type Reader = <T>(
  kind: Exclude<FileKind, 'freshet' | 'identity' | 'fraud'>,
  compile: (data: unknown) => T,
) => Promise<readonly Compiled<T>[]>;

/** Reads every file of a folder; what does not fit the schema, or cannot be compiled, goes to `problems`. */
function reader(dir: string, values: Values, problems: Problem[]): Reader {
  return async (kind, compile) => {
    const compiled = [];
    for (const name of (await list(join(dir, kind))).filter((file) => /\.ya?ml$/.test(file))) {
      const before = problems.length;
      const file = await readYaml(dir, `${kind}/${name}`, { values, left: ['write_keys', 'secrets', 'auth'] }, problems);
      if (file === undefined || !fits(kind, file, problems) || problems.length > before) continue;
      const whole = kind === 'sources' ? await withRecordSchema(dir, file, problems) : file;
      const value = whole && attempt(whole, problems, compile);
      if (value !== undefined) compiled.push({ file, value });
    }
    return compiled;
  };
}

/** The rules of the segments by name, for segments of segments; problems of the files are told when they are compiled. */
async function segmentRules(dir: string, values: Values): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const rules = new Map<string, Readonly<Record<string, unknown>>>();
  for (const name of (await list(join(dir, 'segments'))).filter((file) => /\.ya?ml$/.test(file))) {
    const file = await readYaml(dir, `segments/${name}`, { values }, []);
    if (file === undefined || !fits('segments', file, [])) continue;
    const { segment, when } = file.data as { segment: string; when: Readonly<Record<string, unknown>> };
    rules.set(segment, when);
  }
  return rules;
}

const schemas = workspaceJsonSchemas();
const checks = Object.fromEntries(Object.entries(schemas).map(([kind, schema]) => [kind, schemaProblems(schema)])) as Readonly<
  Record<FileKind, ReturnType<typeof schemaProblems>>
>;

function fits(kind: FileKind, file: YamlFile, problems: Problem[]): boolean {
  const found = checks[kind](file.data);
  problems.push(...found.map(({ path, message }) => file.problem(path, message)));
  return found.length === 0;
}

async function list(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new FreshetError('CONFIG_INVALID', `${dir} cannot be read: expected a folder`, { cause: error });
  }
}

function isTimezone(timezone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: timezone }).format(0) !== '';
  } catch {
    return false;
  }
}
