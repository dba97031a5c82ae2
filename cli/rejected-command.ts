import { Command, InvalidArgumentError, Option } from 'commander';
import {
  listRejected,
  type ListChoice,
  type RejectedChoice,
  replayRejects,
  type ReplayChoice,
  showRejected,
} from './rejected.ts';
import type { Settings } from './settings.ts';

/** `freshet rejected list|show|replay`; `common` are the options that every command has. */
export function rejectedCommand(common: readonly Option[], settings: () => Settings): Command {
  const rejected = new Command('rejected').description('what could not be used: find it, look at it, repair it, replay it');
  for (const option of common) rejected.addOption(option);
  const filtered = (name: string): Command =>
    rejected
      .command(name)
      .option('--topic <name>', 'topic it was read from')
      .option('--source <name>', 'source it came from')
      .option('--processor <name>', 'who refused it')
      .addOption(new Option('--step <step>', 'what failed').choices(['decode', 'transform', 'validate', 'process']))
      .option('--reason <text>', 'part of the reason')
      .option('--since <time>', 'rejected at or after: ISO 8601, or how long ago, as 2h')
      .option('--until <time>', 'rejected at or before')
      .option('--json', 'a JSON object a line');
  const idHelp = 'as `list` tells it, or topic/partition/offset of the original record';
  /** All options of a command and of those above it. */
  const given = <T extends RejectedChoice>(command: Command): T => ({ ...command.optsWithGlobals<T>(), settings: settings() });

  filtered('list')
    .description('the newest rejected records, the newest last, and how many there are by reason; holds no personal data')
    .option('--limit <count>', 'how many are listed', whole, 50)
    .option('--open', 'only those that have not been replayed')
    .action((_: unknown, command: Command) => listRejected(given<ListChoice>(command)));
  rejected
    .command('show')
    .argument('<id...>', idHelp)
    .description('original position, reason, headers and value, personal data and all')
    .option('--json', 'a JSON object a line; corrected, it can be given to `replay --repair`')
    .action((ids: string[], _: unknown, command: Command) => showRejected({ ...given(command), ids }));
  filtered('replay')
    .argument('[id...]', idHelp)
    .description('sends rejected records back to where they belong, repaired if need be, each once for ever')
    .option('--all', 'all that have not been replayed')
    .option('--set <path=value>', 'sets a field of each record, as properties.total=12.5; may be repeated', repeated)
    .option('--cel <path=expression>', 'as --set, by CEL over `record`: timestamp=record.properties.at', repeated)
    .option('--repair <file>', 'NDJSON with id and value a line: whole values of single records')
    .option('--dry-run', 'sends nothing; says what would go where, and what would be refused again')
    .action((ids: string[], _: unknown, command: Command) => replayRejects({ ...given<ReplayChoice>(command), ids }));
  return rejected;
}

function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function whole(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
}
