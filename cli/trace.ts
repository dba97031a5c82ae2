import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { jsonLog } from './log.ts';
import type { Settings } from './settings.ts';
import { traceView } from './trace-view.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface TraceOptions extends WorkspaceChoice {
  readonly messageId: string;
  readonly settings: Settings;
}

/** Prints the way of one event; NOT_LOCAL would be wrong here: it reads the topics themselves. */
export async function trace({ workspace, messageId, settings }: TraceOptions): Promise<void> {
  const { sources } = await loadWorkspace(workspace, process.env);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const connection = await connect(settings, { clientId: 'freshet-trace', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const found = await traceView({ kafka: connection.kafka, serdes, names: prefixedNames(settings.prefix), sources }).trace(
      messageId,
    );
    if (!found) throw new FreshetError('CONFIG_INVALID', 'No event with this messageId is in the topics (any more).');
    const { event, source, state, customer, hops, changed } = found;
    const lines = [
      `${event} from ${source}: ${state}${customer === null ? '' : `, customer ${customer}`}`,
      ...hops.map(
        ({ hop, at, ms, topic, partition, offset }) =>
          `  ${new Date(at).toISOString()}  +${ms} ms  ${hop} -> ${topic}-${partition} at ${offset}`,
      ),
      ...(changed.length === 0 ? ['  changed nothing'] : changed.map((text) => `  ${text}`)),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await connection.close();
  }
}
