import { Command } from 'commander';
import { judgeReviews, listReviews, type ReviewChoice } from './identity-review.ts';
import type { Settings } from './settings.ts';

const meanings = {
  accept: 'they are one person: a weak link of the confidence 1; for one customer of both send an alias',
  reject: 'they are two people, whatever they look like',
  reopen: 'as if nobody had decided; the id is c_one.c_other',
} as const;

/** `freshet identity review list|accept|reject|reopen`. */
export function reviewCommand(settings: () => Settings): Command {
  const review = new Command('review').description('customers who look alike and wait for somebody to look at them');
  const given = <T extends ReviewChoice>(command: Command): T => ({ ...command.optsWithGlobals<T>(), settings: settings() });
  review
    .command('list')
    .description('the pairs and why, the likeliest first; holds no personal data')
    .option('--limit <count>', 'how many', Number, 50)
    .option('--json', 'a JSON object a line')
    .action((_: unknown, command: Command) => listReviews(given<ReviewChoice & { limit: number }>(command)));
  for (const verdict of ['accept', 'reject', 'reopen'] as const)
    review
      .command(verdict)
      .argument('<id...>', 'as `list` tells it')
      .description(meanings[verdict])
      .action((ids: string[], _: unknown, command: Command) => judgeReviews({ ...given(command), ids, verdict }));
  return review;
}
