import { basename, dirname } from 'node:path';
import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { readIdentifier } from '../schemas/identifier-rules.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { loadIdentity, loadWorkspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { recordsOfFiles, sourceOfFiles } from './identity-events.ts';
import { explainIdentity, explanationLines, type Visit } from './identity-explain.ts';
import { differenceLines, simulationJson, simulationLines } from './identity-report.ts';
import { simulateIdentity, type Simulation } from './identity-simulate.ts';
import { jsonLog } from './log.ts';
import { scanTopic, type Verdict } from './scan.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

export interface SimulateChoice extends WorkspaceChoice {
  readonly files: readonly string[];
  readonly source?: string;
  /** Another identity.yaml to compare with. */
  readonly rules?: string;
  readonly top: number;
  readonly json?: boolean;
}

/** Prints the customers that the rules of the workspace make of files of events, and what other rules would change. */
export async function simulate(choice: SimulateChoice): Promise<void> {
  const workspace = await loadWorkspace(choice.workspace, process.env, choice.profile ? { profile: choice.profile } : {});
  const source = sourceOfFiles(workspace.sources, choice.source);
  const others =
    choice.rules === undefined ? undefined : await loadIdentity(dirname(choice.rules), basename(choice.rules), process.env);
  const warn = (where: string, reason: string): void => void process.stderr.write(`${where}: ${reason}\n`);
  const run = (rules: typeof workspace.identity): Promise<Simulation> =>
    simulateIdentity({
      records: recordsOfFiles(choice.files, source, warn),
      source,
      secret: workspace.secret,
      rules,
      now: Date.now(),
    });
  const found = await run(workspace.identity);
  const other = others && (await run(others));
  if (choice.json === true)
    return print([JSON.stringify(simulationJson(found)), ...(other ? [JSON.stringify(simulationJson(other))] : [])]);
  print([...simulationLines(found, choice.top), ...(other ? ['', ...differenceLines(found, other, choice.top)] : [])]);
}

export interface ExplainChoice extends WorkspaceChoice {
  readonly settings: Settings;
  /** `kind:value`. */
  readonly first: string;
  readonly second: string;
  readonly json?: boolean;
}

/** Prints why two identifiers are one customer, or why they are not; reads all events that are retained. */
export async function explain(choice: ExplainChoice): Promise<void> {
  const { settings } = choice;
  const { identity, secret } = await loadWorkspace(
    choice.workspace,
    process.env,
    choice.profile ? { profile: choice.profile } : {},
  );
  const names = [choice.first, choice.second].map((text) => {
    const colon = text.indexOf(':');
    const kind = text.slice(0, colon);
    const value = colon < 1 ? undefined : readIdentifier(identity.values, kind, text.slice(colon + 1));
    if (value === undefined) throw new FreshetError('CONFIG_INVALID', `${text}: expected kind:value of somebody, as user_id:ada`);
    return `${kind}:${value}`;
  });
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-identity', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const serde = serdes.of(topics.eventsIdentified);
    const visit: Visit = (each) =>
      scanTopic(
        connection.kafka,
        prefixedNames(settings.prefix).topic(topics.eventsIdentified.name),
        async ({ value }): Promise<Verdict> => {
          if (value === null) return 'go on';
          await serde.prepare?.(value);
          const { event } = serde.decode(value);
          if (event) each(event);
          return 'go on';
        },
      );
    const [first = '', second = ''] = names;
    const found = await explainIdentity(visit, { rules: identity, secret }, first, second);
    print(choice.json === true ? [JSON.stringify(found)] : explanationLines(found, first, second));
  } finally {
    await connection.close();
  }
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
