import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { projectRoot } from '../infra/local/settings.ts';
import { FreshetError } from '../runtime/errors.ts';
import { breakDemo } from './demo-control.ts';
import { identityCommand } from './identity-command.ts';
import { segmentCommands } from './segments-command.ts';
import { rejectedCommand } from './rejected-command.ts';
import { type ReplayCommand, replay } from './replay.ts';
import { run } from './run.ts';
import { printCost } from './sources-cost.ts';
import { printWaiting } from './sources-waiting.ts';
import { readSettings } from './settings.ts';
import { start, type StartOptions } from './start.ts';
import { printTopics } from './print-topics.ts';
import { trace } from './trace.ts';
import { printFeasibility, testSegments, validate } from './validate.ts';
import { printWalk } from './walk-status.ts';

const workspace = new Option('-w, --workspace <dir>', 'folder of the workspace').default(defaultWorkspace());
const profile = new Option('--profile <name>', 'profile of freshet.yaml');

interface Chosen {
  readonly workspace: string;
  readonly profile?: string;
}

/** The workspace that package.json names, for whoever tries freshet out; one's own is given by --workspace. */
function defaultWorkspace(): string {
  const { config } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { config: { workspace: string } };
  return join(projectRoot, config.workspace);
}

function rate(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 10_000)) throw new InvalidArgumentError('Expected a number above 0, up to 10000.');
  return value;
}

function instances(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 64)) throw new InvalidArgumentError('Expected a number from 1 to 64.');
  return value;
}

const program = new Command('freshet')
  .description('Turns event streams into a living state per customer, and acts on it while it is still true.')
  .showHelpAfterError();

program
  .command('start')
  .description(
    'everything on this machine: an embedded Kafka unless KAFKA_BROKERS is set, all processors, gateway, mailbox, live page',
  )
  .addOption(workspace)
  .addOption(new Option('--profile <name>', 'profile of freshet.yaml').default('demo'))
  .option('--no-demo', 'without the simulated shop')
  .option('--no-story', 'without the troubles of the first three minutes')
  .option('--rate <events>', 'events a second of the simulated shop', rate, 150)
  .action((options: Omit<StartOptions, 'settings'>) => start({ ...options, settings: readSettings(process.env) }));

program
  .command('run')
  .argument(
    '<name...>',
    'processors (tag-freshness, keep-reference where there are tables, stitch-identity, customers, detect-fraud, watch-sources) and connectors (gateway, polls, enrichments, email, console)',
  )
  .description('some processors or connectors of a deployment, on an own cluster or on that of `freshet start`')
  .addOption(workspace)
  .addOption(profile)
  .option('--instances <count>', 'so many processes on this machine, each with stores of its own', instances, 1)
  .action((names: string[], options: Chosen & { readonly instances: number }) =>
    run({ ...options, names, settings: readSettings(process.env) }),
  );

program
  .command('status')
  .description(
    'how long it takes from what happens to the message, hop by hop, and how the sources are; of the process that runs on this machine',
  )
  .action(() => printWalk(readSettings(process.env)));

const sources = program.command('sources').description('the sources of a workspace as an operator sees them');
sources
  .command('waiting')
  .description('who waits for which source, and since when, in the process that runs on this machine')
  .action(() => printWaiting(readSettings(process.env)));
sources
  .command('cost')
  .description('bytes a day of each source by field, and who uses it; reads all raw records that are retained')
  .addOption(workspace)
  .addOption(profile)
  .action((options: Chosen) => printCost({ ...options, settings: readSettings(process.env) }));

program
  .command('demo')
  .description('what is shown by `freshet start`')
  .command('break')
  .argument('<what>', 'a trouble that freshet.yaml declares, or processor')
  .description('lets something go wrong in the demonstration that runs, and mends it; the live page tells what comes of it')
  .action((what: string) => breakDemo(what, readSettings(process.env)));

program
  .command('validate')
  .description('checks a workspace; every problem with file, line and what was expected')
  .addOption(workspace)
  .addOption(profile)
  .action((options: Chosen) => validate(options));

program
  .command('feasibility')
  .description('how old the facts of every rule are at best and at worst, and whether what it demands can be met')
  .addOption(workspace)
  .addOption(profile)
  .action((options: Chosen) => printFeasibility(options));

program
  .command('test')
  .description('runs the tests that segment files carry')
  .addOption(workspace)
  .addOption(profile)
  .action((options: Chosen) => testSegments(options));

program
  .command('topics')
  .description('all topics: key, value, retention')
  .addOption(workspace)
  .action((options: Chosen) => printTopics(options));

program
  .command('replay')
  .argument('<file...>', 'files of the source')
  .requiredOption('--source <name>', 'source of the workspace that these files belong to')
  .description('runs files through the same pipeline in event time, in a space of its own that sends nothing')
  .addOption(workspace)
  .addOption(profile)
  .option('--space <name>', 'name of the space; default: replay-<source>')
  .option('--resume', 'go on with the space as it is, instead of beginning anew')
  .option('--activate', 'send the messages to the development mailbox')
  .option('--until <time>', 'end of the clock, ISO 8601; default: the last record')
  .action((files: string[], options: Omit<ReplayCommand, 'settings' | 'files'>) =>
    replay({ ...options, files, settings: readSettings(process.env) }),
  );

program
  .command('trace')
  .argument('<messageId>')
  .description('where an event is, the time of each hop, and what it changed')
  .addOption(workspace)
  .action((messageId: string, options: Chosen) => trace({ ...options, messageId, settings: readSettings(process.env) }));

program.addCommand(identityCommand([workspace, profile], () => readSettings(process.env)));
for (const command of segmentCommands([workspace, profile], () => readSettings(process.env))) program.addCommand(command);
program.addCommand(rejectedCommand([workspace, profile], () => readSettings(process.env)));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`freshet: ${error instanceof Error ? error.message : String(error)}\n`);
  if (!(error instanceof FreshetError) && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
