import { Command, InvalidArgumentError, type Option } from 'commander';
import { userInfo } from 'node:os';
import { explain, type ExplainChoice, simulate, type SimulateChoice, split, type SplitChoice } from './identity.ts';
import { reviewCommand } from './identity-review-command.ts';
import type { Settings } from './settings.ts';

/** `freshet identity simulate|explain|split`; `common` are the options that every command has. */
export function identityCommand(common: readonly Option[], settings: () => Settings): Command {
  const identity = new Command('identity').description('who is who: try rules on files, and ask why');
  for (const option of common) identity.addOption(option);
  identity
    .command('simulate')
    .argument('<file...>', 'files of events: as the source reads them, or NDJSON, a call of the Segment specification a line')
    .description(
      'the customers that identity.yaml makes of files, without Kafka; with --rules also what other rules would change',
    )
    .option('--source <name>', 'source that the files belong to; default: the first that takes calls over HTTP')
    .option('--rules <file>', 'another identity.yaml, compared with that of the workspace')
    .option('--splits <file>', 'what operators say, NDJSON: {"between":["user_id:ada","anonymous_id:b1"]} a line')
    .option('--top <count>', 'how many of each list are printed', whole, 10)
    .option('--json', 'a JSON object for each of the rules')
    .action((files: string[], _: unknown, command: Command) =>
      simulate({ ...command.optsWithGlobals<Omit<SimulateChoice, 'files'>>(), files }),
    );
  identity
    .command('explain')
    .argument('<identifier>', 'kind:value, as user_id:ada')
    .argument('<identifier>', 'kind:value, as email:ada@shop.example')
    .description(
      'why two identifiers are one customer: the events that linked them; or why they are not. Reads all that is retained',
    )
    .option('--json', 'a JSON object')
    .action((first: string, second: string, _: unknown, command: Command) =>
      explain({
        ...command.optsWithGlobals<Omit<ExplainChoice, 'first' | 'second' | 'settings'>>(),
        first,
        second,
        settings: settings(),
      }),
    );
  identity
    .command('split')
    .requiredOption('--between <identifier...>', 'the two, each as kind:value')
    .description(
      'sets two identifiers apart: whom they are one customer with becomes several, each recomputed from what is retained',
    )
    .option('--take-back', 'takes an earlier split of the two back: what links them counts again')
    .option('--reason <text>', 'why, for whoever asks later')
    .option('--author <name>', 'who says so', userInfo().username)
    .option('--dry-run', 'only tells what it would do')
    .option('--json', 'a JSON object')
    .action((_: unknown, command: Command) =>
      split({ ...command.optsWithGlobals<Omit<SplitChoice, 'settings'>>(), settings: settings() }),
    );
  identity.addCommand(reviewCommand(settings));
  return identity;
}

function whole(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
}
