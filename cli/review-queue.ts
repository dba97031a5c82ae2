import { FreshetError } from '../runtime/errors.ts';
import type { Kafka, Producer } from '../runtime/kafka/contract.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { SerdeSource, Topic } from '../runtime/topic.ts';
import type { IdentityJudgement, IdentityReview } from '../schemas/generated/types.ts';
import { topics } from '../schemas/topics.ts';
import { scanTopic, type Verdict } from './scan.ts';

/** Where the queue of a deployment lies. */
export interface ReviewQueue {
  readonly kafka: Kafka;
  readonly serdes: SerdeSource;
  /** Physical name of a topic. */
  readonly topicName: (topic: Topic) => string;
}

/** What a verdict is called by whoever gives it, and on identity.judgements. */
export const verdicts = { accept: 'same', reject: 'different', reopen: 'open' } as const;

/** By id, the pairs that wait for somebody to look at them, the likeliest first; holds no personal data. Reads the whole topic. */
export async function openReviews({ kafka, serdes, topicName }: ReviewQueue): Promise<ReadonlyMap<string, IdentityReview>> {
  const serde = serdes.of(topics.identityReview);
  const open = new Map<string, IdentityReview>();
  await scanTopic(kafka, topicName(topics.identityReview), async ({ key, value }): Promise<Verdict> => {
    const id = key?.toString('utf8') ?? '';
    if (value) await serde.prepare?.(value);
    const review = value && serde.decode(value);
    if (review) open.set(id, review);
    else open.delete(id);
    return 'go on';
  });
  return new Map([...open].sort(([, a], [, b]) => b.bits - a.bits || (a.id < b.id ? -1 : 1)));
}

/**
 * Decides on pairs by their ids, all or none (CONFIG_INVALID). `same`: a weak link with the confidence 1, which merges nothing;
 * `different`: never linked for their likeness; `open`: as if nobody had decided (with `customer.other` for the id, since the
 * pair has left the queue). Resolves when it is written.
 */
export async function judgePairs(
  queue: ReviewQueue & { readonly producer: Pick<Producer, 'send'> },
  { ids, verdict, judgedAt }: { readonly ids: readonly string[] } & Pick<IdentityJudgement, 'verdict' | 'judgedAt'>,
): Promise<readonly IdentityJudgement[]> {
  const open = await openReviews(queue);
  const pairs = ids.map((id): IdentityJudgement => {
    const found = open.get(id);
    const [customer = '', other = '', ...more] = found ? [found.customer, found.other] : id.split('.').sort();
    if (!customer.startsWith('c_') || !other.startsWith('c_') || more.length > 0 || customer === other)
      throw new FreshetError(
        'CONFIG_INVALID',
        `${id}: expected an id as \`review list\` tells it, or two customers as c_one.c_other`,
      );
    return { customer, other, verdict, judgedAt };
  });
  const topic = queue.topicName(topics.identityJudgements);
  const count = (await queue.kafka.admin.partitions(topic)) ?? 1;
  const serde = queue.serdes.of(topics.identityJudgements);
  for (const pair of pairs) {
    const records = [{ key: Buffer.from(pair.customer), value: serde.encode(pair), headers: {} }];
    await queue.producer.send({ topic, partition: partitionFor(pair.customer, count), records });
  }
  return pairs;
}
