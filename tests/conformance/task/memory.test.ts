import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import { crashPointCases } from './crash-points.ts';

crashPointCases(
  'Kafka in memory',
  async () => {
    const broker = new MemoryBroker();
    return {
      connect: () => Promise.resolve(broker.client()),
      begin: (transactionalId, partitions) => broker.begin(transactionalId, partitions),
      truncate: ({ topic, partition }, offset) => Promise.resolve(broker.truncate(topic, partition, offset)),
      compact: (topic) => Promise.resolve(broker.compact(topic)),
      close: () => Promise.resolve(),
    };
  },
  (transact) => transact(),
);
