import { FreshetError } from '../runtime/errors.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { type App, connectors, startApp } from './app.ts';
import { connect, type Connection } from './cluster.ts';
import { ProcessHealth, serveHealth } from './health.ts';
import { followParent, runInstances, tellParent } from './instances.ts';
import { jsonLog } from './log.ts';
import { inWords, missingParts, neededParts } from './parts.ts';
import { patiently } from './patiently.ts';
import { WATCH_SOURCES } from './pipeline.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { topologyOf } from './topology.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface RunOptions extends WorkspaceChoice {
  readonly names: readonly string[];
  readonly settings: Settings;
  /** More than one: so many child processes with stores of their own, which share the tasks. Default 1. */
  readonly instances?: number;
}

/** What nobody has been heard of to run so long after the start is said to be missing. */
const MISSING_AFTER_MS = 15_000;

/**
 * Runs some parts of a deployment in this process, or in several of this machine, until a signal ends it. Brokers and
 * registry that are away are waited for; the health endpoints answer from the beginning.
 */
export async function run({ workspace: dir, profile, names, settings, instances = 1 }: RunOptions): Promise<void> {
  const workspace = await loadWorkspace(dir, process.env, profile === undefined ? {} : { profile });
  const decode = (): never => {
    throw new FreshetError('CLOSED', 'not read here');
  };
  const known = [...topologyOf(workspace, workspace.sources, { decode }).map(({ name }) => name), WATCH_SOURCES, ...connectors];
  for (const name of names) {
    if (!known.includes(name))
      throw new FreshetError('CONFIG_INVALID', `There is no ${name} to run; known are ${known.join(', ')}.`);
  }
  const log = jsonLog((line) => process.stderr.write(line));
  if (instances > 1) return await runInstances({ names, settings, instances, log });

  followParent();
  const say = (line: string): void => log('info', line);
  const health = new ProcessHealth();
  const probes = await serveHealth(health, { port: settings.ports.health, host: settings.healthHost });
  log('info', 'health', { port: probes.port });
  const ending = new AbortController();
  const { signal } = ending;
  let connection: Connection | undefined;
  let app: App | undefined;
  const bringUp = async (): Promise<void> => {
    const onWait = (reason: string): void => {
      health.hold(`starting, waits: ${reason}`);
      log('warn', 'waits for what it needs', { reason });
    };
    const clientId = `freshet-${names.join('+')}`;
    const once = (): Promise<Connection> => connect(settings, { clientId, log, say, embedded: 'find', signal });
    // Without brokers of one's own there is nothing to wait for: the embedded ones belong to a start that runs, or does not.
    const connected = settings.cluster ? await patiently(once, { onWait, signal }) : await once();
    connection = connected;
    if (signal.aborted) return;
    const start = (): Promise<App> => startApp({ settings, workspace, connection: connected, log, run: names });
    app = await patiently(start, { onWait, signal });
    health.parts = app.health;
    if (signal.aborted) return;
    log('info', 'running', { names, gateway: app.gatewayUrl, console: app.consoleUrl, health: probes.port });
    tellParent({ running: true, healthPort: probes.port });
    watchForParts(app);
  };
  // Those that start at the same time have been heard of by then.
  const watchForParts = ({ pipeline }: App): void => {
    const look = setTimeout(() => {
      for (const part of missingParts(neededParts(pipeline.sources), names, pipeline.progress.all()))
        log('warn', 'a part is missing', { part: part.part, why: inWords(part) });
    }, MISSING_AFTER_MS);
    look.unref();
    signal.addEventListener('abort', () => clearTimeout(look), { once: true });
  };
  const starting = bringUp();
  const stop = async (): Promise<void> => {
    ending.abort();
    health.hold('stopping');
    await starting.catch(() => undefined);
    await app?.stop();
  };
  const unfinished = (): readonly string[] => app?.unfinished() ?? ['start'];
  const ended = onShutdown({ stop, say, deadlineMs: settings.stopMs, unfinished });
  try {
    await starting.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await ended;
  } finally {
    await connection?.close();
    await probes.close();
  }
}
