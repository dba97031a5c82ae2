import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { readCommitted } from './committed.ts';

/** What was published in the space of a replay, as a reader of its topics finds it. */
export interface SpaceLog {
  /** In the order of each customer. */
  readonly changes: readonly MembershipChange[];
  /** The values of `user_id` that came with events of a customer, by customer id. */
  readonly users: ReadonlyMap<string, ReadonlySet<string>>;
  readonly requested: number;
  readonly wouldSend: number;
}

/** Reads the topics under a prefix on the cluster of the tier, up to their ends. */
export async function readSpace(prefix: string): Promise<SpaceLog> {
  const space = await readCommitted(prefix);
  try {
    const users = new Map<string, Set<string>>();
    for (const { customer, event } of await space.values(topics.eventsIdentified)) {
      const known = users.get(customer) ?? new Set();
      users.set(customer, known);
      for (const { kind, value } of event?.identifiers ?? []) if (kind === 'user_id') known.add(value);
    }
    const withheld = await space.values(topics.activationsWithheld);
    return {
      changes: await space.values(topics.segmentsMembership),
      users,
      requested: (await space.values(topics.activationsRequested)).length,
      wouldSend: withheld.filter(({ decision }) => decision === 'would-send').length,
    };
  } finally {
    await space.close();
  }
}

/** Deletes the topics under a prefix from the cluster of the tier, which may be one that stays. */
export async function dropSpace(prefix: string): Promise<void> {
  const kafka = await connectKafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), clientId: 'broom-of-a-test' });
  const topics = (await kafka.admin.topics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await kafka.admin.deleteTopics(topics);
  await kafka.close();
}
