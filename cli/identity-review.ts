import { prefixedNames } from '../runtime/environment.ts';
import type { IdentityReview } from '../schemas/generated/types.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { connect } from './cluster.ts';
import { jsonLog } from './log.ts';
import { judgePairs, openReviews, type ReviewQueue, verdicts } from './review-queue.ts';
import type { Settings } from './settings.ts';

export interface ReviewChoice {
  readonly settings: Settings;
  readonly json?: boolean;
}

/** Prints the pairs of customers that wait for somebody to look at them, the likeliest first; holds no personal data. */
export async function listReviews(choice: ReviewChoice & { readonly limit: number }): Promise<void> {
  await withQueue(choice, async (queue) => {
    const open = await openReviews(queue);
    const shown = [...open.values()].slice(0, choice.limit);
    print(
      choice.json === true
        ? shown.map((review) => JSON.stringify(review))
        : [...shown.flatMap(reviewLines), `${open.size} to review`],
    );
  });
}

/** Decides on pairs by their ids, and prints what now stands of each. */
export async function judgeReviews(
  choice: ReviewChoice & { readonly ids: readonly string[]; readonly verdict: keyof typeof verdicts },
): Promise<void> {
  await withQueue(choice, async (queue) => {
    const producer = queue.kafka.producer();
    const judging = { ids: choice.ids, verdict: verdicts[choice.verdict], judgedAt: Date.now() };
    const judged = await judgePairs({ ...queue, producer }, judging);
    print(judged.map(({ customer, other, verdict }) => `${customer}.${other} ${verdict}`));
    await producer.close();
  });
}

async function withQueue({ settings }: ReviewChoice, use: (queue: ReviewQueue) => Promise<void>): Promise<void> {
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-identity', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const names = prefixedNames(settings.prefix);
    await use({ kafka: connection.kafka, serdes, topicName: ({ name }) => names.topic(name) });
  } finally {
    await connection.close();
  }
}

function reviewLines({ id, customer, other, probability, reason, evidence }: IdentityReview): readonly string[] {
  const why = evidence.map(({ field, level, bits }) => `${field} ${level} ${bits > 0 ? '+' : ''}${bits.toFixed(1)}`);
  return [`${id}  ${probability.toFixed(3)}  ${customer}  ${other}  ${reason}`, `    ${why.join(', ')}`];
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
