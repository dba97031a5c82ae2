import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { IdentityJudgement, IdentityReview } from '../schemas/generated/types.ts';
import { createSerdes, type Serdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { connect, type Connection } from './cluster.ts';
import { jsonLog } from './log.ts';
import { scanTopic, type Verdict } from './scan.ts';
import type { Settings } from './settings.ts';

export interface ReviewChoice {
  readonly settings: Settings;
  readonly json?: boolean;
}

/** Prints the pairs of customers that wait for somebody to look at them, the likeliest first; holds no personal data. */
export async function listReviews(choice: ReviewChoice & { readonly limit: number }): Promise<void> {
  await withReviews(choice, async ({ open }) => {
    const shown = [...open.values()].sort((a, b) => b.bits - a.bits || (a.id < b.id ? -1 : 1)).slice(0, choice.limit);
    print(
      choice.json === true
        ? shown.map((review) => JSON.stringify(review))
        : [...shown.flatMap(reviewLines), `${open.size} to review`],
    );
  });
}

/**
 * Decides on pairs by their ids. `same`: a weak link with the confidence 1, which merges nothing; `different`: never linked for
 * their likeness; `open`: as if nobody had decided (with `customer.other` for the id, since the pair has left the queue).
 */
export async function judgeReviews(
  choice: ReviewChoice & { readonly ids: readonly string[]; readonly verdict: IdentityJudgement['verdict'] },
): Promise<void> {
  await withReviews(choice, async ({ open, connection, serdes }) => {
    const pairs = choice.ids.map((id): readonly [string, string] => {
      const found = open.get(id);
      const [a = '', b = ''] = found ? [found.customer, found.other] : id.split('.').sort();
      if (!a.startsWith('c_') || !b.startsWith('c_'))
        throw new FreshetError(
          'CONFIG_INVALID',
          `${id}: expected an id as \`review list\` tells it, or two customers as c_one.c_other`,
        );
      return [a, b];
    });
    const topic = prefixedNames(choice.settings.prefix).topic(topics.identityJudgements.name);
    const count = (await connection.kafka.admin.partitions(topic)) ?? 1;
    const producer = connection.kafka.producer();
    const judgedAt = Date.now();
    for (const [customer, other] of pairs) {
      const value = serdes.of(topics.identityJudgements).encode({ customer, other, verdict: choice.verdict, judgedAt });
      const records = [{ key: Buffer.from(customer), value, headers: {} }];
      await producer.send({ topic, partition: partitionFor(customer, count), records });
      print([`${customer}.${other} ${choice.verdict}`]);
    }
    await producer.close();
  });
}

interface Reviews {
  /** By id. */
  readonly open: ReadonlyMap<string, IdentityReview>;
  readonly connection: Connection;
  readonly serdes: Serdes;
}

async function withReviews({ settings }: ReviewChoice, use: (reviews: Reviews) => Promise<void>): Promise<void> {
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-identity', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const serde = serdes.of(topics.identityReview);
    const open = new Map<string, IdentityReview>();
    await scanTopic(
      connection.kafka,
      prefixedNames(settings.prefix).topic(topics.identityReview.name),
      async ({ key, value }): Promise<Verdict> => {
        const id = key?.toString('utf8') ?? '';
        if (value) await serde.prepare?.(value);
        const review = value && serde.decode(value);
        if (review) open.set(id, review);
        else open.delete(id);
        return 'go on';
      },
    );
    await use({ open, connection, serdes });
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
