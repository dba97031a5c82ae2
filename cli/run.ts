import { FreshetError } from '../runtime/errors.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { connectors, startApp } from './app.ts';
import { connect } from './cluster.ts';
import { jsonLog } from './log.ts';
import { WATCH_SOURCES } from './pipeline.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';
import { topologyOf } from './topology.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface RunOptions extends WorkspaceChoice {
  readonly names: readonly string[];
  readonly settings: Settings;
}

/** Runs some parts of a deployment in this process until a signal ends it. */
export async function run({ workspace: dir, profile, names, settings }: RunOptions): Promise<void> {
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
  const say = (line: string): void => log('info', line);
  const connection = await connect(settings, { clientId: `freshet-${names.join('+')}`, log, say, embedded: 'find' });
  try {
    const app = await startApp({ settings, workspace, connection, log, run: names });
    log('info', 'running', { names, gateway: app.gatewayUrl, console: app.consoleUrl });
    await onShutdown(() => app.stop(), say);
  } finally {
    await connection.close();
  }
}
