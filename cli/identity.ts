import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { IdentityRules } from '../processors/stitch-identity/identity.ts';
import type { Command } from '../processors/stitch-identity/lineage.ts';
import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { TaggedEvent } from '../schemas/generated/types.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { loadIdentity, loadWorkspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { retainedHistory } from './identity-history.ts';
import { recordsOfFiles, sourceOfFiles } from './identity-events.ts';
import { explainIdentity, explanationLines, type LinkStep, previewSplit, type SplitPreview } from './identity-explain.ts';
import { differenceLines, simulationJson, simulationLines } from './identity-report.ts';
import {
  commandEvent,
  type IdentityDeployment,
  readPair,
  splitIdentity,
  splitLines,
  type SplitRequest,
} from './identity-split.ts';
import { KEEPERS } from './topology.ts';
import { simulateIdentity, type Simulation } from './identity-simulate.ts';
import { jsonLog } from './log.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface SimulateChoice extends WorkspaceChoice {
  readonly files: readonly string[];
  readonly source?: string;
  /** Another identity.yaml to compare with. */
  readonly rules?: string;
  /** NDJSON: what operators say, a command a line as the API takes it. */
  readonly splits?: string;
  readonly top: number;
  readonly json?: boolean;
}

/** Prints the customers that the rules of the workspace make of files of events, and what other rules would change. */
export async function simulate(choice: SimulateChoice): Promise<void> {
  const workspace = await loadWorkspace(choice.workspace, process.env, choice.profile ? { profile: choice.profile } : {});
  const source = sourceOfFiles(workspace.sources, choice.source);
  const others =
    choice.rules === undefined ? undefined : await loadIdentity(dirname(choice.rules), basename(choice.rules), process.env);
  const warn = (where: string, reason: string): void => void process.stderr.write(`${where}: ${reason}\n`);
  const commands = choice.splits === undefined ? [] : await commandsOf(choice.splits, workspace.identity);
  const run = (rules: typeof workspace.identity): Promise<Simulation> =>
    simulateIdentity({
      commands,
      records: recordsOfFiles(choice.files, source, warn),
      source,
      secret: workspace.secret,
      rules,
      now: Date.now(),
    });
  const found = await run(workspace.identity);
  const other = others && (await run(others));
  if (choice.json === true)
    return print([JSON.stringify(simulationJson(found)), ...(other ? [JSON.stringify(simulationJson(other))] : [])]);
  print([...simulationLines(found, choice.top), ...(other ? ['', ...differenceLines(found, other, choice.top)] : [])]);
}

/** The commands of a file; CONFIG_INVALID names the line that is none. */
async function commandsOf(file: string, rules: IdentityRules): Promise<readonly TaggedEvent[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      const { between, ...request } = JSON.parse(line) as SplitRequest;
      return [commandEvent(request, readPair(rules, between), { id: `${basename(file)}:${i + 1}`, at: Date.now() + i })];
    } catch (cause) {
      const expected = 'expected {"between":["kind:value","kind:value"]}, with takeBack, author and reason if wanted';
      throw new FreshetError('CONFIG_INVALID', `${file}:${i + 1}: ${expected}`, { cause });
    }
  });
}

export interface ExplainChoice extends WorkspaceChoice {
  readonly settings: Settings;
  /** `kind:value`. */
  readonly first: string;
  readonly second: string;
  readonly json?: boolean;
}

/** Prints why two identifiers are one customer, or why they are not; reads all events that are retained. */
export async function explain(choice: ExplainChoice): Promise<void> {
  const { settings } = choice;
  const { identity, secret } = await loadWorkspace(
    choice.workspace,
    process.env,
    choice.profile ? { profile: choice.profile } : {},
  );
  const names = readPair(identity, [choice.first, choice.second]).map(({ kind, value }) => `${kind}:${value}`);
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-identity', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const { visit, lineage } = retainedHistory(connection.kafka, serdes, prefixedNames(settings.prefix));
    const [first = '', second = ''] = names;
    const commands = (): readonly Command[] => lineage.commands;
    const found = await explainIdentity(visit, { rules: identity, secret, commands }, first, second);
    print(choice.json === true ? [JSON.stringify(found)] : explanationLines(found, first, second));
  } finally {
    await connection.close();
  }
}

export interface SplitChoice extends WorkspaceChoice {
  readonly settings: Settings;
  /** Two identifiers as `kind:value`. */
  readonly between: readonly string[];
  readonly takeBack?: boolean;
  readonly author: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** How long `freshet identity split` waits for what comes of it. */
const PATIENCE_MS = 30_000;

/** Sets two identifiers apart, or takes that back, and prints what came of it; or only what would. */
export async function split(choice: SplitChoice): Promise<void> {
  const { settings, author, reason, takeBack = false, dryRun = false } = choice;
  const workspace = await loadWorkspace(choice.workspace, process.env, choice.profile ? { profile: choice.profile } : {});
  const { identity, secret } = workspace;
  const pair = readPair(identity, choice.between);
  const [first, second] = pair.map(({ kind, value }) => `${kind}:${value}`);
  if (first === undefined || second === undefined) return;
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-identity', log, say, embedded: 'find' });
  try {
    const { kafka, registry } = connection;
    const serdes = createSerdes({ registry, prefix: settings.prefix });
    await serdes.register();
    const names = prefixedNames(settings.prefix);
    if (dryRun) {
      const { visit, lineage } = retainedHistory(kafka, serdes, names);
      const commands = (): readonly Command[] => lineage.commands;
      const found = await previewSplit(visit, { rules: identity, secret, commands }, first, second);
      return print(choice.json === true ? [JSON.stringify(found ?? null)] : previewLines(found, first, second));
    }
    const desk: IdentityDeployment = {
      kafka,
      serdes,
      rules: identity,
      secret,
      partitions: settings.partitions,
      keepers: KEEPERS,
      patienceMs: PATIENCE_MS,
      producer: kafka.producer(),
      topicName: ({ name }) => names.topic(name),
    };
    const request = { between: [first, second] as const, takeBack, author, ...(reason !== undefined && { reason }) };
    const result = await splitIdentity(desk, request, Date.now());
    print(choice.json === true ? [JSON.stringify(result)] : splitLines(result));
  } finally {
    await connection.close();
  }
}

function previewLines(found: SplitPreview | undefined, first: string, second: string): readonly string[] {
  if (found === undefined) return [`${first} and ${second} were never seen together; a split would keep them apart from now on`];
  const link = ({ from, to, at, source, event, messageId }: LinkStep): string =>
    `  ${new Date(at).toISOString()}  ${from} - ${to}  (${event} from ${source}, ${messageId})`;
  return [
    found.together
      ? `${first} and ${second} are one customer; a split would make two of it`
      : `${first} and ${second} are two customers already`,
    ...found.sides.map((names) => `  ${[...names].sort().join(', ')}`),
    ...(found.void.length > 0 ? ['links that would no longer count', ...found.void.map(link)] : []),
    'nothing was done',
  ];
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
