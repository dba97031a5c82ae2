import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compileTemplates } from '../connectors/sinks/email/templates.ts';
import { FreshetError } from '../runtime/errors.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { startApp } from './app.ts';
import { connect } from './cluster.ts';
import { startDemo } from './demo.ts';
import { jsonLog } from './log.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { startTerminal } from './terminal.ts';
import type { WorkspaceChoice } from './validate.ts';
import { welcome } from './welcome.ts';

export interface StartOptions extends WorkspaceChoice {
  readonly settings: Settings;
  readonly demo: boolean;
  readonly rate: number;
}

/** Everything on this machine, from the broker to the mailbox, until a signal ends it in order. */
export async function start({ workspace: dir, profile, settings, demo, rate }: StartOptions): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  const workspace = await loadWorkspace(dir, process.env, profile === undefined || !demo ? {} : { profile });
  const templates = await compileTemplates(workspace.templatesDir);
  await mkdir(settings.dataDir, { recursive: true });
  const logFile = createWriteStream(join(settings.dataDir, 'freshet.log'), { flags: 'a' });
  const log = jsonLog((line) => logFile.write(line));
  const ending = new AbortController();
  const closers: (() => Promise<void> | void)[] = [];
  let dead: Error | undefined;
  const stop = async (): Promise<void> => {
    ending.abort();
    for (const close of closers.splice(0).toReversed()) await close();
    logFile.end();
  };
  const ended = onShutdown(stop, say);
  try {
    const connection = await connect(settings, {
      clientId: 'freshet',
      log,
      say,
      embedded: 'start',
      signal: ending.signal,
      onDeath: (error) => {
        dead = error;
        say(error.message);
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      },
    });
    closers.push(() => connection.close());
    say('topics, schemas and processors …');
    const expect = demo && workspace.demo?.history !== undefined ? [workspace.demo.history] : [];
    const app = await startApp({ settings, workspace, templates, connection, log, expect });
    closers.push(() => app.stop());
    process.stderr.write(`${welcome(app, workspace)}\n`);
    const terminal = startTerminal({ out: process.stdout, snapshot: () => app.snapshot() });
    closers.push(() => terminal.stop());
    app.mailbox?.events.on('mail', ({ subject, to }) => terminal.note(`mail to ${to.join(', ')}: ${subject}`));
    if (demo) {
      const note = process.stdout.isTTY ? (line: string) => terminal.note(line) : say;
      const shop = await startDemo({ app, workspace, dataDir: settings.dataDir, rate, say: note, signal: ending.signal });
      closers.push(() => shop.stop());
    }
  } catch (error) {
    const wanted = ending.signal.aborted && error instanceof FreshetError && error.code === 'CLOSED';
    if (!wanted) await stop();
    if (!wanted) throw error;
  }
  await ended;
  if (!dead) say('ended; nothing is left running');
}
