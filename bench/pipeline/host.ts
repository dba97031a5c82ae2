import { join } from 'node:path';
import { startApp } from '../../cli/app.ts';
import { connect } from '../../cli/cluster.ts';
import { readSettings } from '../../cli/settings.ts';
import { loadWorkspace } from '../../workspace/load.ts';
import { say, untilTold } from '../support/told.ts';

// Parts of the pipeline in one process, as `freshet run` has them; tells how many records each processor has read.

/** The one argument, as JSON; where the cluster is comes from the environment, as for the command line. */
export interface PipelineSettings {
  readonly names: readonly string[];
  readonly workspace: string;
  readonly dataDir: string;
}

const { names, workspace: dir, dataDir } = JSON.parse(process.argv[2] ?? '{}') as PipelineSettings;
const settings = { ...readSettings(process.env), dataDir: join(dataDir) };
const log = (level: string, message: string, fields = {}): void => {
  if (level === 'warn' || level === 'error') process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
};
const workspace = await loadWorkspace(dir, process.env, {});
const connection = await connect(settings, { clientId: names.join('+'), log, say: () => undefined, embedded: 'find' });
const app = await startApp({ settings, workspace, connection, log, run: names });
say({ running: true, gateway: app.gatewayUrl });

async function tell(): Promise<void> {
  const counter = await app.metrics.getSingleMetric('freshet_records_total')?.get();
  const counts: Record<string, number> = {};
  for (const { labels, value } of counter?.values ?? []) {
    const name = String(labels['processor']);
    if (labels['direction'] === 'in') counts[name] = (counts[name] ?? 0) + value;
  }
  const { user, system } = process.cpuUsage();
  say({ processed: counts[names[0] ?? ''] ?? 0, cpu: user + system, counts });
}
const telling = setInterval(() => void tell(), 200);
await untilTold();
clearInterval(telling);
await app.stop();
await connection.close();
process.exit(0);
