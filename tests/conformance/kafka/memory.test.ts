import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import type { Nastiness } from '../../../runtime/testing/memory-kafka.ts';
import type { KafkaHarness } from './harness.ts';
import { kafkaConformance } from './suite.ts';

async function memory(nastiness?: Nastiness): Promise<KafkaHarness> {
  const broker = new MemoryBroker(nastiness === undefined ? {} : { nastiness });
  return {
    connect: () => Promise.resolve(broker.client()),
    begin: (transactionalId, partitions) => broker.begin(transactionalId, partitions),
    truncate: ({ topic, partition }, offset) => Promise.resolve(broker.truncate(topic, partition, offset)),
    compact: (topic) => Promise.resolve(broker.compact(topic)),
    close: () => Promise.resolve(),
  };
}

kafkaConformance('MemoryKafka', () => memory());

const everything = { lateMarkers: true, linger: true, staleHighWatermark: true, delayedDelivery: true, lateAnswers: true };
for (const seed of [1, 2, 3]) kafkaConformance(`MemoryKafka with trouble ${seed}`, () => memory({ seed, ...everything }));
