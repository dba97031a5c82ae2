import { connectRegistry } from '../../schemas/registry/confluent.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import type { IdentifiedEvent } from '../../schemas/generated/types.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { physicalName, topicSpecs } from '../../schemas/topic-specs.ts';
import { topics } from '../../schemas/topics.ts';
import type { BenchCluster } from '../support/cluster.ts';

/** Events as stitch-identity would hand them on, written straight to the customers' input. */
export interface IdentifiedLoad {
  readonly prefix: string;
  readonly partitions: number;
  readonly events: number;
  readonly customers: number;
  /** What event `i` is. */
  readonly eventOf: (i: number) => { readonly event: string; readonly properties?: object; readonly traits?: object };
}

/** Writes them, and creates the topics first. */
export async function fillIdentified(cluster: BenchCluster, kafka: Kafka, load: IdentifiedLoad): Promise<void> {
  const { prefix, partitions, events, customers, eventOf } = load;
  const serdes = createSerdes({ registry: connectRegistry({ url: cluster.registryUrl }), prefix });
  await kafka.admin.createTopics(topicSpecs({ prefix, partitions, topics: Object.values(topics) }));
  await serdes.register();
  const serde = serdes.of(topics.eventsIdentified);
  const producer = kafka.producer();
  const topic = physicalName(prefix, topics.eventsIdentified);
  const began = Date.now();
  const atOnce = 10_000;
  for (let from = 0; from < events; from += atOnce) {
    const batches = Array.from({ length: partitions }, (): ProduceRecord[] => []);
    for (let i = from; i < Math.min(events, from + atOnce); i++) {
      const customer = `c${(i * 7919) % customers}`;
      const { event, properties = {}, traits = {} } = eventOf(i);
      const value: IdentifiedEvent = {
        customer,
        marker: null,
        event: {
          messageId: `m${i}`,
          source: 'shop',
          type: event === 'Identify' ? 'identify' : 'track',
          event,
          occurredAt: began + Math.trunc(i / 1000),
          receivedAt: began,
          asOf: null,
          identifiers: [{ kind: 'user_id', value: customer }],
          properties: JSON.stringify(properties),
          traits: JSON.stringify(traits),
          context: '{}',
          flags: [],
          mode: 'live',
          origin: { topic: 'events.raw', partition: 0, offset: i },
        },
      };
      const key = Buffer.from(customer);
      const headers = { source: Buffer.from('shop'), 'message-id': Buffer.from(`m${i}`) };
      batches[partitionFor(key, partitions)]?.push({ key, value: serde.encode(value), headers });
    }
    await Promise.all(
      batches.map(async (records, partition) => {
        if (records.length > 0) await producer.send({ topic, partition, records });
      }),
    );
  }
  await producer.close();
}
