import { scanTopic } from '../../cli/scan.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import type { Topic } from '../../runtime/topic.ts';
import { connectRegistry } from '../../schemas/registry/confluent.ts';
import { createSerdes } from '../../schemas/serdes.ts';

/**
 * Reads what is committed in the topics of a deployment, whole. Not with the public consumer of kafkajs: that hands out records
 * of aborted transactions too, which a killed process leaves behind.
 */
export interface Committed {
  /** By partition and offset: the order of each customer. */
  values<V>(topic: Topic<V>): Promise<readonly V[]>;
  close(): Promise<void>;
}

export async function readCommitted(prefix: string): Promise<Committed> {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
  const kafka: Kafka = await connectKafka({ brokers, clientId: 'reader-of-a-test' });
  const serdes = createSerdes({ registry: connectRegistry({ url: process.env['SCHEMA_REGISTRY_URL'] ?? '' }), prefix });
  return {
    values: async (topic) => {
      const serde = serdes.of(topic);
      const found: Buffer[] = [];
      await scanTopic(kafka, prefix + topic.name, ({ value }) => {
        if (value !== null) found.push(value);
        return 'go on';
      });
      for (const bytes of found) await serde.prepare?.(bytes);
      return found.map((bytes) => serde.decode(bytes));
    },
    close: () => kafka.close(),
  };
}
