import { replayFiles, type ReplayProgress } from '../connectors/sources/files/index.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { rawTopic } from '../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { type App, startApp } from './app.ts';
import { connect, type Connection, type ConnectOptions } from './cluster.ts';
import { jsonLog } from './log.ts';
import { type Pipeline, WATCH_SOURCES } from './pipeline.ts';
import { untilAdopted, untilReached, untilReopened } from './progress-of.ts';
import { messageOutcomes } from './replay-messages.ts';
import { replayReport } from './replay-report.ts';
import { clearSpace, holdSpace, spaceSettings } from './replay-space.ts';
import { messageIdsIn, processorCounts, spaceTotals } from './replay-totals.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { CUSTOMERS } from './topology.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface ReplayCommand extends WorkspaceChoice {
  readonly files: readonly string[];
  readonly source: string;
  readonly settings: Settings;
  /** Name of the space; default: that of the source. */
  readonly space?: string;
  readonly resume?: boolean;
  readonly activate?: boolean;
  readonly until?: string;
}

const processors = ['tag-freshness', 'stitch-identity', CUSTOMERS, 'detect-fraud'];

/**
 * Runs files through the pipeline in a space of its own: topics, stores and groups under a prefix, with this source alone,
 * so that its clock is the only one. Prints what became of the rows, who is in which segment in the end, and the messages it
 * would have sent. A run that was ended, however, is gone on with by `resume`; otherwise each begins anew.
 */
export async function replay(command: ReplayCommand): Promise<void> {
  const loaded = await loadWorkspace(command.workspace, process.env, command.profile ? { profile: command.profile } : {});
  const source = replaySource(loaded, command.source);
  const workspace = command.activate ? withReplayedMessages(loaded) : loaded;
  const settings = spaceSettings(command.settings, command.space ?? source.name);
  const until = command.until === undefined ? undefined : Date.parse(command.until);
  if (Number.isNaN(until))
    throw new FreshetError('CONFIG_INVALID', '--until must be an ISO 8601 time such as 2011-03-31T23:59:59Z');

  const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  const ending = new AbortController();
  void onShutdown({ stop: async () => ending.abort(), say, deadlineMs: settings.stopMs });
  const space = holdSpace(settings);
  try {
    await runIn({ ...command, settings, workspace, source, until }, ending, say);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    space.release();
  }
  if (!ending.signal.aborted) return;
  const { reason } = ending.signal as { readonly reason: unknown };
  if (reason instanceof FreshetError) throw reason;
  say('ended before all was decided; --resume goes on');
  process.exitCode = 130;
}

interface Run extends Pick<ReplayCommand, 'files' | 'resume' | 'activate'> {
  /** Of the space. */
  readonly settings: Settings;
  readonly workspace: Workspace;
  readonly source: SourceConfig;
  readonly until: number | undefined;
}

type Say = (line: string) => void;

async function runIn(run: Run, ending: AbortController, say: Say): Promise<void> {
  const { settings, workspace, source, activate } = run;
  const log = jsonLog((line) => process.stderr.write(line), 'warn');
  const { signal } = ending;
  const onDeath = (error: Error): void => ending.abort(error);
  const { connection, isFound } = await reach(settings, { clientId: 'freshet-replay', say, log, signal, onDeath });
  try {
    if (!run.resume) await clearSpace(connection.kafka.admin, settings);
    // The mailbox of the deployment that has the cluster is the one to be filled.
    const mailbox = isFound && settings.smtpUrl === undefined ? { smtpUrl: `smtp://127.0.0.1:${settings.ports.smtp}` } : {};
    const app = await startApp({
      settings: { ...settings, ...mailbox },
      workspace,
      connection,
      log,
      run: [...processors, WATCH_SOURCES, ...(activate ? ['email'] : [])],
      sources: [source],
    });
    const watch = setInterval(() => abortIfFailed(app.pipeline, ending), 500);
    try {
      await feedFiles(app, run, signal, say);
    } finally {
      clearInterval(watch);
      await app.stop();
    }
  } finally {
    await connection.close();
  }
}

async function feedFiles({ pipeline, metrics, mailbox }: App, run: Run, signal: AbortSignal, say: Say): Promise<void> {
  const { source, until } = run;
  const topicName = pipeline.names.topic(rawTopic(source.name).name);
  const feed = pipeline.feed('replay', [source]);
  const read = await replayFiles({
    files: run.files,
    source,
    producer: pipeline.producer,
    feed,
    topicName,
    partitions: pipeline.partitions,
    signal,
    ...(run.resume ? { written: await reopen(pipeline, source.name, feed, topicName, signal) } : {}),
    // The last hop: none before it can be further behind.
    waitFor: (eventTime) => untilReached(pipeline, CUSTOMERS, source.name, eventTime, signal),
    onProgress: throttled(say),
    onRejected: ({ file, line, reason }) => say(`${file}:${line}: ${reason}`),
    ...(until === undefined ? {} : { until }),
  });
  if (read.ended) say('all files have been read; waiting for the last decisions');
  for (const processor of processors) await untilAdopted(pipeline, processor, source.name, signal);
  await feed.close();
  if (signal.aborted) return;
  const space = await spaceTotals(pipeline);
  const all = space.requested.size;
  const tell = throttledBy(1000, (ended: number) => say(`${ended} of ${all} messages sent`));
  const outcomes = await messageOutcomes(pipeline, run.activate ? space.requested : new Set(), signal, tell);
  if (signal.aborted) return;
  const lines = replayReport({ read, counts: await processorCounts(metrics), space, outcomes });
  process.stdout.write(`${lines.join('\n')}\n`);
  if (mailbox && all > 0) say('`freshet start` shows the mails in the development mailbox');
}

/** What an earlier run has written; and its end, if it came to one, is taken back in every hop, so that the new end can be told from it. */
async function reopen(
  pipeline: Pipeline,
  source: string,
  feed: ReturnType<Pipeline['feed']>,
  topicName: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { at, ended } = pipeline.progress.minimum(CUSTOMERS, pipeline.partitions, source);
  if (ended) {
    feed.state(source, at);
    for (const processor of processors) await untilReopened(pipeline, processor, source, signal);
  }
  return await messageIdsIn(pipeline, topicName);
}

function replaySource({ sources, dir }: Workspace, name: string): SourceConfig {
  const source = sources.find((each) => each.name === name);
  if (!source)
    throw new FreshetError(
      'CONFIG_INVALID',
      `${dir} has no source ${name}; it has ${sources.map((each) => each.name).join(', ')}`,
    );
  if (source.input.kind !== 'file') throw new FreshetError('CONFIG_INVALID', `The source ${name} is not fed by files.`);
  return { ...source, mode: 'replay' };
}

function withReplayedMessages(workspace: Workspace): Workspace {
  return {
    ...workspace,
    activations: workspace.activations.map((each) => ({ ...each, onCauses: [...each.onCauses, 'replay'] })),
  };
}

/** The cluster that already runs on this machine or the user's own; else an embedded one for as long as this takes. */
async function reach(
  settings: Settings,
  options: Omit<ConnectOptions, 'embedded'>,
): Promise<{ readonly connection: Connection; readonly isFound: boolean }> {
  try {
    return { connection: await connect(settings, { ...options, embedded: 'start' }), isFound: false };
  } catch (error) {
    if (!(error instanceof FreshetError) || error.code !== 'ALREADY_RUNNING') throw error;
    options.say('on the cluster that runs on this data folder');
    return { connection: await connect(settings, { ...options, embedded: 'find' }), isFound: true };
  }
}

/** A task that has stopped for good would be waited for in vain. */
function abortIfFailed({ workers }: Pick<Pipeline, 'workers'>, ending: AbortController): void {
  for (const worker of workers) {
    const failed = worker.status().find(({ state }) => state === 'failed');
    if (!failed) continue;
    const what = `${worker.processor.name} has stopped in partition ${failed.partition}: ${failed.failure ?? 'unknown fault'}`;
    ending.abort(new FreshetError('PROCESS_FAILED', what));
  }
}

function throttled(say: Say): (progress: ReplayProgress) => void {
  return throttledBy(1000, ({ files, rows, records, rate, eventTime }: ReplayProgress) => {
    const at = eventTime === undefined ? '' : `, now ${new Date(eventTime).toISOString()}`;
    say(`file ${Math.min(files.done + 1, files.all)} of ${files.all}, ${rows} rows, ${records} records, ${rate} rows/s${at}`);
  });
}

function throttledBy<T>(ms: number, tell: (value: T) => void): (value: T) => void {
  let told = 0;
  return (value) => {
    if (Date.now() - told < ms) return;
    told = Date.now();
    tell(value);
  };
}
