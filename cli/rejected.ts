import { readFile } from 'node:fs/promises';
import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { parseDuration } from '../schemas/duration.ts';
import { instantForm, instantParser } from '../schemas/instant.ts';
import { createRawDecoder } from '../schemas/raw-decoder.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { jsonLog } from './log.ts';
import { allTopics } from './pipeline.ts';
import { type RejectedEntry, type RejectedFilter, type RejectedLog, readId, visitRejected } from './rejected-log.ts';
import { compileRepair } from './rejected-repair.ts';
import { replayRejected } from './rejected-replay.ts';
import { readValue, type ValueReader } from './rejected-value.ts';
import { details, listed, ReasonTally, shown, table } from './rejected-view.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** Which rejected records are meant, as written on the command line. */
export interface RejectedChoice extends WorkspaceChoice {
  readonly settings: Settings;
  readonly json?: boolean;
  readonly topic?: string;
  readonly source?: string;
  readonly processor?: string;
  readonly step?: string;
  readonly reason?: string;
  /** A time, or how long ago: `2h`. */
  readonly since?: string;
  readonly until?: string;
}

interface Rejects extends RejectedLog, ValueReader {
  readonly workspace: Workspace;
}

export interface ListChoice extends RejectedChoice {
  readonly limit: number;
  /** Only what has not been replayed. */
  readonly open?: boolean;
}

/** Prints the newest entries that fit, the newest last, and how many there are by reason. */
export async function listRejected(choice: ListChoice): Promise<void> {
  await withRejects(choice, async (log) => {
    const newest: RejectedEntry[] = [];
    const tally = new ReasonTally();
    await visitRejected(log, filterOf(choice), (entry) => {
      tally.add(entry);
      if (choice.open === true && entry.replayedAt !== undefined) return;
      newest.push(entry);
      if (newest.length >= 2 * choice.limit) keepNewest(newest, choice.limit);
    });
    keepNewest(newest, choice.limit);
    if (choice.json === true) return print(newest.map((entry) => JSON.stringify(listed(entry))));
    print(table(newest, process.stdout.columns ?? Number.POSITIVE_INFINITY));
    print([...(newest.length === 0 ? [] : ['']), ...tally.lines()]);
  });
}

function keepNewest(entries: RejectedEntry[], limit: number): void {
  entries.sort((a, b) => a.rejected.rejectedAt - b.rejected.rejectedAt);
  entries.splice(0, entries.length - limit);
}

/** Prints entries whole, personal data and all; CONFIG_INVALID when one is not there (any more). */
export async function showRejected(choice: RejectedChoice & { readonly ids: readonly string[] }): Promise<void> {
  await withRejects(choice, async (log) => {
    const found: RejectedEntry[] = [];
    await visitRejected(log, filterOf(choice), (entry) => void found.push(entry));
    for (const entry of found) {
      const value = await readValue(log, entry.rejected);
      print(choice.json === true ? [JSON.stringify(shown(entry, value))] : [...details(entry, value), '']);
    }
    if (found.length === 0) throw new FreshetError('CONFIG_INVALID', 'No rejected record has this id (any more).');
  });
}

export interface ReplayChoice extends RejectedChoice {
  readonly ids: readonly string[];
  readonly all?: boolean;
  readonly repair?: string;
  readonly set?: readonly string[];
  readonly cel?: readonly string[];
  readonly dryRun?: boolean;
}

/** Sends entries back, each once for ever, and prints what became of each; throws when one could not be sent. */
export async function replayRejects(choice: ReplayChoice): Promise<void> {
  const { ids, all, dryRun = false } = choice;
  const filter = filterOf(choice);
  if (
    ids.length === 0 &&
    all !== true &&
    choice.repair === undefined &&
    Object.values(filter).every((value) => value === undefined)
  )
    throw new FreshetError('CONFIG_INVALID', 'Expected ids, a filter such as --source, --repair, or --all.');
  const file = choice.repair === undefined ? {} : { file: await readFile(choice.repair, 'utf8') };
  const repair = compileRepair({ set: choice.set ?? [], cel: choice.cel ?? [], ...file });
  await withRejects(choice, async (log) => {
    const counts = { sent: 0, already: 0, kept: 0 };
    const { sources, secret, identity } = log.workspace;
    await replayRejected({
      ...log,
      sources,
      secret,
      values: identity.values,
      filter,
      repair,
      dryRun,
      now: Date.now,
      report: ({ id }, outcome) => {
        counts[outcome.kind] += 1;
        if (choice.json === true) print([JSON.stringify({ id, ...outcome, dryRun })]);
        else if (outcome.kind === 'kept') print([`${id} stays: ${outcome.reason}`]);
        else if (outcome.kind === 'already') print([`${id} has been replayed already`]);
        else print([`${id} ${dryRun ? 'would go' : 'has gone'} to ${outcome.topic}${about(outcome.messageId, repair.fields)}`]);
      },
    });
    const { sent, already, kept } = counts;
    process.stderr.write(`${sent} ${dryRun ? 'to be replayed' : 'replayed'}, ${already} already replayed, ${kept} stay\n`);
    if (kept > 0) throw new FreshetError('PROCESS_FAILED', 'Some records could not be replayed; see above.');
    if (sent + already === 0) throw new FreshetError('CONFIG_INVALID', 'No rejected record fits.');
  });
}

function about(messageId: string | undefined, fields: readonly string[]): string {
  return `${messageId === undefined ? '' : ` as ${messageId}`}${fields.length === 0 ? '' : `, with ${fields.join(', ')}`}`;
}

async function withRejects(choice: RejectedChoice, work: (log: Rejects) => Promise<void>): Promise<void> {
  const { settings, profile } = choice;
  const workspace = await loadWorkspace(choice.workspace, process.env, profile === undefined ? {} : { profile });
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-rejected', log, say, embedded: 'find' });
  try {
    const { kafka, registry } = connection;
    const serdes = createSerdes({ registry, prefix: settings.prefix });
    await serdes.register();
    const topics = new Map(allTopics(workspace.sources).map((topic) => [topic.name, topic]));
    await work({
      kafka,
      serdes,
      names: prefixedNames(settings.prefix),
      rawDecoder: createRawDecoder({ registry }),
      topics,
      workspace,
    });
  } finally {
    await connection.close();
  }
}

function filterOf(choice: RejectedChoice & { readonly ids?: readonly string[] }): RejectedFilter {
  const { ids = [], topic, source, processor, step, reason, since, until } = choice;
  const given = { topic, source, processor, step, reason, since: time(since, '--since'), until: time(until, '--until') };
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(named), ...(ids.length === 0 ? {} : { ids: new Set(ids.map(readId)) }) };
}

/** A time as people write it: ISO 8601, or so long ago. */
function time(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const at = instantParser('UTC')(text);
  if (at !== undefined) return at;
  try {
    return Date.now() - parseDuration(text);
  } catch (cause) {
    throw new FreshetError('CONFIG_INVALID', `${option}: expected ${instantForm}, or how long ago, as 2h`, { cause });
  }
}

function print(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
}
