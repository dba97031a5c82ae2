import { Cluster } from '../../../runtime/kafka/cluster.ts';
import type { Kafka, ProduceBatch, ProduceResult, TransactionalProducer } from '../../../runtime/kafka/contract.ts';
import type { KafkaOptions } from '../../../runtime/kafka/options.ts';
import { TransactionSession, transactionDeadline } from '../../../runtime/kafka/transaction-session.ts';

export interface Death {
  readonly transactionalId: string;
  readonly at: 'before-position' | 'before-commit';
  /** Transactions that go well first. */
  readonly after: number;
  readonly die: () => void;
}

/** A client one of whose transactions ends the process in its middle, where the task itself has no step. */
export function dyingKafka(kafka: Kafka, options: KafkaOptions, death: Death): Kafka {
  const cluster = new Cluster(options);
  return {
    admin: kafka.admin,
    reader: () => kafka.reader(),
    producer: () => kafka.producer(),
    member: (member) => kafka.member(member),
    transactionalProducer: (id) =>
      id === death.transactionalId ? dyingProducer(cluster, death) : kafka.transactionalProducer(id),
    close: async () => {
      await kafka.close();
      await cluster.close();
    },
  };
}

function dyingProducer(cluster: Cluster, death: Death): TransactionalProducer {
  const session = new TransactionSession(cluster, death.transactionalId, 'dying');
  let done = 0;
  return {
    init: async (signal) => {
      await cluster.refresh();
      await session.init(signal);
    },
    transact: async (batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]> => {
      const last = done++ === death.after;
      const deadline = transactionDeadline();
      await session.begin(batches, deadline);
      const position = (batch: ProduceBatch): boolean => batch.topic.endsWith('.changelog');
      const first = await session.write(
        last && death.at === 'before-position' ? batches.filter((one) => !position(one)) : batches,
        deadline,
      );
      if (last) death.die();
      await session.end(true, deadline);
      return first;
    },
    close: async () => undefined,
  };
}
