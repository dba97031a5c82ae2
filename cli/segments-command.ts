import { Command, InvalidArgumentError, type Option } from 'commander';
import {
  costOfSegments,
  diffSegments,
  printSegmentSchema,
  simulateSegments,
  why,
  type DifferenceChoice,
  type HistoryChoice,
  type SimulateSegmentsChoice,
  type WhyChoice,
} from './segments.ts';
import { printStatus } from './segment-status.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** `freshet why`, `freshet simulate` and `freshet segments status|cost|diff|schema`; `common` are the options that every command has. */
export function segmentCommands(common: readonly Option[], settings: () => Settings): readonly Command[] {
  const overHistory = (name: string): Command => {
    const command = new Command(name)
      .argument('[file...]', 'files of events, as their source reads them or NDJSON; without any, all that the log retains')
      .option('--source <name>', 'source that the files belong to; default: the first that takes calls over HTTP')
      .option('--json', 'as JSON');
    for (const option of common) command.addOption(option);
    return command;
  };
  const asks = overHistory('why')
    .description('why a customer belongs to a segment at a time, or why not: the truth of each part of the rule, and its events')
    .requiredOption('--customer <name>', 'id of the customer, or an identifier as user_id:ada')
    .requiredOption('--segment <name>', 'name of the segment')
    .option('--at <time>', 'ISO 8601; now when left out')
    .action((files: string[], options: Omit<WhyChoice, 'files' | 'settings'>) =>
      why({ ...options, files, settings: settings() }),
    );
  const tries = overHistory('simulate')
    .description('the entries, exits and sizes of all segments over a history, by the very same rules')
    .option('--steps <count>', 'at how many times sizes are told', whole, 4)
    .action((files: string[], options: Omit<SimulateSegmentsChoice, 'files' | 'settings'>) =>
      simulateSegments({ ...options, files, settings: settings() }),
    );
  const costs = overHistory('cost')
    .description('bytes that each leaf of the rules takes in the state of a customer, by a history')
    .action((files: string[], options: Omit<HistoryChoice, 'files' | 'settings'>) =>
      costOfSegments({ ...options, files, settings: settings() }),
    );
  const differs = overHistory('diff')
    .description('who would enter and leave each segment by the rules of another workspace, as of the last event')
    .requiredOption('--with <dir>', 'folder of the workspace with the other rules')
    .action((files: string[], options: Omit<DifferenceChoice, 'files' | 'settings'>) =>
      diffSegments({ ...options, files, settings: settings() }),
    );
  const status = new Command('status')
    .description('which version of each segment decides, and how far a new one is')
    .option('--json', 'as JSON')
    .action((options: WorkspaceChoice & { readonly json?: boolean }) => printStatus({ ...options, settings: settings() }));
  for (const option of common) status.addOption(option);
  const schema = new Command('schema').description('the JSON Schema of segment files, for editors').action(printSegmentSchema);
  const segments = new Command('segments').description(
    'how segments stand, what they take, what other rules would change, their schema',
  );
  segments.addCommand(status, { isDefault: true });
  return [asks, tries, segments.addCommand(costs).addCommand(differs).addCommand(schema)];
}

function whole(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0 && value <= 100))
    throw new InvalidArgumentError('Expected a whole number from 1 to 100.');
  return value;
}
