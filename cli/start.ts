import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { compileTemplates } from '../connectors/sinks/email/templates.ts';
import type { NeededPort } from '../infra/local/ports.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { type App, startApp } from './app.ts';
import { connect } from './cluster.ts';
import { startDemo } from './demo.ts';
import { demoRouter } from './demo-control.ts';
import { DemoStory } from './demo-story.ts';
import { ProcessHealth, serveHealth } from './health.ts';
import { jsonLog } from './log.ts';
import { patiently } from './patiently.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { startTerminal } from './terminal.ts';
import { CUSTOMERS } from './topology.ts';
import type { WorkspaceChoice } from './validate.ts';
import { welcome } from './welcome.ts';

export interface StartOptions extends WorkspaceChoice {
  readonly settings: Settings;
  readonly demo: boolean;
  readonly rate: number;
  /** Whether the first minutes tell what goes wrong and what comes of it. */
  readonly story?: boolean;
}

/** When it is ended while it starts, the step in hand may take so long to come to an end; milliseconds. */
const STEP_MS = 20_000;

/** Everything on this machine, from the broker to the mailbox, until a signal ends it in order. */
export async function start({
  workspace: dir,
  profile,
  settings,
  demo,
  rate,
  story: tellStory = true,
}: StartOptions): Promise<void> {
  const plainly = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  let print = plainly;
  const say = (line: string): void => print(line);
  const workspace = await loadWorkspace(dir, process.env, profile === undefined || !demo ? {} : { profile });
  const templates = await compileTemplates(workspace.templatesDir);
  await mkdir(settings.dataDir, { recursive: true });
  const logFile = createWriteStream(join(settings.dataDir, 'freshet.log'), { flags: 'a' });
  const log = jsonLog((line) => logFile.write(line));
  const ending = new AbortController();
  const { signal } = ending;
  const closers: (() => Promise<void> | void)[] = [];
  let dead: Error | undefined;
  let app: App | undefined;
  let story: DemoStory | undefined;
  const health = new ProcessHealth();

  const bringUp = async (): Promise<void> => {
    const probes = await serveHealth(health, { port: settings.ports.health, host: settings.healthHost });
    closers.push(() => probes.close());
    log('info', 'health', { port: probes.port });
    const connection = await connect(settings, {
      clientId: 'freshet',
      log,
      say,
      embedded: 'start',
      ports: portsOf(settings),
      signal,
      onDeath: (error) => {
        dead = error;
        say(error.message);
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      },
    });
    closers.push(() => connection.close());
    if (signal.aborted) return;
    say('topics, schemas and processors …');
    const expect = demo && workspace.demo?.history !== undefined ? [workspace.demo.history] : [];
    const routes = demo ? { '/api/demo': demoRouter(() => story) } : {};
    const once = (): Promise<App> =>
      startApp({ settings, workspace, templates, connection, log, expect, routes, story: () => story?.lines() ?? [] });
    const onWait = (reason: string): void => {
      health.hold(`starting, waits: ${reason}`);
      say(`waits: ${reason}`);
    };
    // What was started here is there, or never will be.
    const started = settings.cluster ? await patiently(once, { onWait, signal }) : await once();
    app = started;
    health.parts = started.health;
    closers.push(() => started.stop());
    if (signal.aborted) return;
    process.stderr.write(`${welcome(started, workspace, demo)}\n`);
    const terminal = startTerminal({ out: process.stdout, snapshot: () => started.snapshot() });
    // What is said goes above the table, which would otherwise be drawn over it.
    if (process.stdout.isTTY) print = (line) => terminal.note(`freshet: ${line}`);
    closers.push(() => {
      terminal.stop();
      print = plainly;
    });
    started.mailbox?.events.on('mail', ({ messageId, to, subject }) => {
      terminal.mail({ request: requestOf(messageId), to, subject });
    });
    if (!demo) return;
    const shop = await startDemo({ app: started, workspace, dataDir: settings.dataDir, rate, say, signal });
    if (shop === undefined) return;
    closers.push(() => shop.stop());
    const told = new DemoStory({
      troubles: workspace.demo?.troubles ?? [],
      tell: shop.tell,
      processor: CUSTOMERS,
      kill: async () => (await started.pipeline.kill(CUSTOMERS)) ?? (async () => undefined),
      figures: () => started.figures(),
      say,
      now: () => Date.now(),
    });
    story = told;
    closers.push(() => told.stop());
    if (tellStory) told.begin();
  };

  const starting = bringUp();
  const stop = async (): Promise<void> => {
    ending.abort();
    health.hold('stopping');
    // The step in hand knows best how to undo itself.
    const settled = new AbortController();
    await Promise.race([
      starting.catch(() => undefined),
      delay(STEP_MS, undefined, { signal: settled.signal }).catch(() => undefined),
    ]);
    settled.abort();
    for (const close of closers.splice(0).toReversed()) await close();
    logFile.end();
  };
  const unfinished = (): readonly string[] => app?.unfinished() ?? [];
  const ended = onShutdown({ stop, say, deadlineMs: STEP_MS + settings.stopMs, unfinished });
  try {
    await starting;
  } catch (error) {
    if (!signal.aborted) {
      await stop();
      throw error;
    }
  }
  await ended;
  if (!dead) say('ended; nothing is left running');
}

/** The sink names a mail after its request: `<id@domain>`. */
function requestOf(messageId: string): string {
  return messageId.replace(/^<|@.*$/g, '');
}

function portsOf({ ports, smtpUrl }: Settings): readonly NeededPort[] {
  const mailbox = { port: ports.smtp, what: 'the development mailbox', setting: 'FRESHET_SMTP_PORT' };
  return [
    { port: ports.gateway, what: 'the gateway', setting: 'FRESHET_GATEWAY_PORT' },
    { port: ports.console, what: 'the live page', setting: 'FRESHET_CONSOLE_PORT' },
    ...(smtpUrl === undefined ? [mailbox] : []),
  ];
}
