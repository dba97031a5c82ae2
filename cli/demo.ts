import { spawn, type ChildProcess } from 'node:child_process';
import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { replayFiles } from '../connectors/sources/files/index.ts';
import { FreshetError } from '../runtime/errors.ts';
import { rawTopic } from '../schemas/topics.ts';
import type { Workspace } from '../workspace/load.ts';
import type { App } from './app.ts';
import { demoCounts } from './demo-counts.ts';
import { untilAdopted } from './progress-of.ts';
import { CUSTOMERS } from './topology.ts';

export interface DemoOptions {
  readonly app: App;
  readonly workspace: Workspace;
  readonly dataDir: string;
  readonly rate: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A shop that lives: loads its history once, as a backfill, then sends its customers' events to the gateway until it is ended. */
export async function startDemo(
  options: DemoOptions,
): Promise<{ readonly tell: (trouble: string, is: boolean) => void; stop(): Promise<void> } | undefined> {
  const { workspace, app, rate, say, signal } = options;
  const { demo } = workspace;
  if (!demo) throw new FreshetError('CONFIG_INVALID', `${workspace.dir}/freshet.yaml has no demo; start with --no-demo`);
  const script = join(workspace.dir, demo.script);
  const child = runScript(script, ['--host', app.gatewayUrl ?? '', '--rate', String(rate), '--closed']);
  let isOpen = false;
  let said = Date.now();
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const counts = demoCounts(line);
      if (counts === undefined || !isOpen || Date.now() - said < COUNTS_EVERY_MS) return;
      said = Date.now();
      say(`the shop ${counts}`);
    });
  let ended = false;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => {
    if (!ended) say(`the simulated shop has ended by itself (${code ?? 'by a signal'})`);
  });
  const stop = async (): Promise<void> => {
    ended = true;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(late);
  };
  try {
    if (demo.history !== undefined) await loadHistory(options, script, demo.history);
  } catch (error) {
    await stop();
    throw error;
  }
  if (signal.aborted) {
    await stop();
    return undefined;
  }
  say(`the shop opens: about ${rate} events a second`);
  isOpen = true;
  child.send({ open: true });
  return {
    tell: (trouble, is) => void (child.connected && child.send({ trouble, is })),
    stop,
  };
}

async function loadHistory(
  { app, workspace, dataDir, say, signal }: DemoOptions,
  script: string,
  sourceName: string,
): Promise<void> {
  const { pipeline } = app;
  const source = workspace.sources.find(({ name }) => name === sourceName);
  if (!source)
    throw new FreshetError(
      'CONFIG_INVALID',
      `${workspace.dir}/freshet.yaml: demo.history names ${sourceName}, which is no source`,
    );
  if (pipeline.progress.minimum(CUSTOMERS, pipeline.partitions, sourceName).ended) return;
  const file = join(dataDir, 'demo', 'history.ndjson');
  if (!(await exists(file))) {
    say('writing the history of the shop …');
    await mkdir(join(dataDir, 'demo'), { recursive: true });
    const part = `${file}.part`;
    const child = runScript(script, ['--history', part]);
    const giveUp = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', giveUp);
    child.stdout?.resume();
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    signal.removeEventListener('abort', giveUp);
    if (signal.aborted) return;
    if (code !== 0) throw new FreshetError('CONFIG_INVALID', `${script} could not write a history (exit ${code})`);
    await rename(part, file);
  }
  const feed = pipeline.feed('demo-history', [source]);
  const began = Date.now();
  let said = 0;
  const progress = await replayFiles({
    files: [file],
    source,
    producer: pipeline.producer,
    feed,
    topicName: pipeline.names.topic(rawTopic(sourceName).name),
    partitions: pipeline.partitions,
    signal,
    onProgress: ({ records, rate }) => {
      if (Date.now() - said < 2000) return;
      said = Date.now();
      say(`history: ${records} events, ${rate} a second`);
    },
  });
  if (signal.aborted) return;
  await untilAdopted(pipeline, CUSTOMERS, sourceName, signal);
  await feed.close();
  const seconds = (Date.now() - began) / 1000;
  const { mails } = app.snapshot().status;
  const perSecond = Math.round(progress.records / seconds);
  say(
    `history loaded: ${progress.records} events in ${seconds.toFixed(1)} s (${perSecond}/s), ${mails.sent} mails sent, would have been ${mails.wouldSend}`,
  );
}

/** How often it is said what the shop has sent. */
const COUNTS_EVERY_MS = 30_000;

/** In a session of its own, so that Ctrl-C reaches us alone; by its channel it notices if we are killed. */
function runScript(script: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    detached: true,
  });
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
