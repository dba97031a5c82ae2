import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replayFiles, type ReplayProgress } from '../connectors/sources/files/index.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { rawTopic } from '../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { startApp } from './app.ts';
import { connect, type Connection } from './cluster.ts';
import { jsonLog } from './log.ts';
import { WATCH_SOURCES } from './pipeline.ts';
import { untilAdopted, untilReached } from './progress-of.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { CUSTOMERS } from './topology.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface ReplayCommand extends WorkspaceChoice {
  readonly files: readonly string[];
  readonly source: string;
  readonly settings: Settings;
  readonly space?: string;
  readonly resume?: boolean;
  readonly activate?: boolean;
  readonly until?: string;
}

/**
 * Runs files through the pipeline in a space of its own: topics, stores and groups under a prefix, with this source alone,
 * so that its clock is the only one. Prints who is in which segment in the end, and the messages it would have sent.
 */
export async function replay(command: ReplayCommand): Promise<void> {
  const { files, profile } = command;
  const loaded = await loadWorkspace(command.workspace, process.env, profile === undefined ? {} : { profile });
  const source = replaySource(loaded, command.source);
  const workspace = command.activate ? withReplayedMessages(loaded) : loaded;
  const space = command.space ?? `replay-${source.name}`;
  const settings = { ...command.settings, prefix: `${command.settings.prefix}${space}.` };
  const until = command.until === undefined ? undefined : Date.parse(command.until);
  if (Number.isNaN(until))
    throw new FreshetError('CONFIG_INVALID', '--until must be an ISO 8601 time such as 2011-03-31T23:59:59Z');

  const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  const log = jsonLog((line) => process.stderr.write(line), 'warn');
  const ending = new AbortController();
  const connection = await reach(settings, { say, log, signal: ending.signal });
  try {
    if (!command.resume) await clearSpace(connection, settings);
    const processors = ['tag-freshness', 'stitch-identity', CUSTOMERS, 'detect-fraud', WATCH_SOURCES];
    const run = command.activate ? [...processors, 'email'] : processors;
    const app = await startApp({ settings, workspace, connection, log, run, sources: [source] });
    void onShutdown(async () => ending.abort(), say);
    try {
      const { pipeline } = app;
      const feed = pipeline.feed('replay', [source]);
      const progress = await replayFiles({
        files,
        source,
        producer: pipeline.producer,
        feed,
        topicName: pipeline.names.topic(rawTopic(source.name).name),
        partitions: pipeline.partitions,
        signal: ending.signal,
        waitFor: (eventTime) => untilReached(pipeline, 'tag-freshness', source.name, eventTime, ending.signal),
        onProgress: throttled(say),
        ...(until === undefined ? {} : { until }),
      });
      await untilAdopted(pipeline, CUSTOMERS, source.name, ending.signal);
      await feed.close();
      if (ending.signal.aborted) {
        say('ended before the end of the files; --resume goes on');
        return;
      }
      await settled(() => app.snapshot().status.complete);
      report(progress, app.snapshot());
    } finally {
      await app.stop();
    }
  } finally {
    await connection.close();
  }
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
  options: { say: (line: string) => void; log: ReturnType<typeof jsonLog>; signal: AbortSignal },
): Promise<Connection> {
  try {
    return await connect(settings, { clientId: 'freshet-replay', embedded: 'start', ...options });
  } catch (error) {
    if (!(error instanceof FreshetError) || error.code !== 'ALREADY_RUNNING') throw error;
    return await connect(settings, { clientId: 'freshet-replay', embedded: 'find', ...options });
  }
}

async function clearSpace({ kafka }: Connection, { prefix, dataDir }: Settings): Promise<void> {
  const topics = (await kafka.admin.topics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await kafka.admin.deleteTopics(topics);
  await rm(join(dataDir, 'stores', prefix), { recursive: true, force: true });
}

function throttled(say: (line: string) => void): (progress: ReplayProgress) => void {
  let said = 0;
  return ({ files, rows, records, rate, eventTime }) => {
    if (Date.now() - said < 1000) return;
    said = Date.now();
    const at = eventTime === undefined ? '' : `, now ${new Date(eventTime).toISOString()}`;
    say(`file ${files.done + 1} of ${files.all}, ${rows} rows, ${records} events, ${rate} rows/s${at}`);
  };
}

function report(progress: ReplayProgress, { status }: ReturnType<Awaited<ReturnType<typeof startApp>>['snapshot']>): void {
  const { rows, records, duplicates, rejected, skipped } = progress;
  const lines = [
    `rows ${rows}, events ${records}, repeated rows ${duplicates}, unusable ${rejected}`,
    ...Object.entries(skipped).map(([reason, count]) => `  left out, ${reason}: ${count}`),
    ...status.segments.map(({ segment, members }) => `segment ${segment}: ${members} members`),
    `messages: ${status.mails.sent} sent, would have been ${status.mails.wouldSend}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function settled(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 50));
}
