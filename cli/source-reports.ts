import type { Kafka } from '../runtime/kafka/contract.ts';
import type { SourceFreshness } from '../schemas/generated/types.ts';
import type { Serdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { scanTopic } from './scan.ts';

/** The newest report of each source, as they are on the topic of this physical name. */
export async function lastReports(kafka: Kafka, topic: string, serdes: Serdes): Promise<readonly SourceFreshness[]> {
  const serde = serdes.of(topics.sourcesFreshness);
  const last = new Map<string, Buffer>();
  await scanTopic(kafka, topic, ({ key, value }) => {
    if (key && value) last.set(key.toString('utf8'), value);
    return 'go on';
  });
  const values = [...last.values()];
  await Promise.all(values.flatMap((value) => serde.prepare?.(value) ?? []));
  return values.map((value) => serde.decode(value));
}
