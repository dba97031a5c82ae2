import { Cluster } from '../../runtime/kafka/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import type { KafkaOptions } from '../../runtime/kafka/options.ts';
import { check } from '../../runtime/kafka/protocol-error.ts';
import type { ApiRequest } from '../../runtime/kafka/request.ts';
import { TransactionSession, transactionDeadline } from '../../runtime/kafka/transaction-session.ts';
import type { TopicPartition } from '../../runtime/record.ts';
import { record, Watched } from '../conformance/kafka/harness.ts';
import type { KafkaHarness, OpenTransaction } from '../conformance/kafka/harness.ts';

/** The conformance suite's view of a real cluster, through our client. */
export async function realKafka(options: KafkaOptions): Promise<KafkaHarness> {
  const cluster = new Cluster(options);
  await cluster.refresh();
  const kafka = await connectKafka(options);
  return {
    connect: () => connectKafka(options),
    begin: (transactionalId, partitions) => begin(cluster, transactionalId, partitions),
    truncate: async (partition, offset) => {
      await cluster.send(await cluster.leader(partition), 'control', deleteRecords(partition, offset));
    },
    compact: (topic) => compact(kafka, topic),
    close: async () => {
      await kafka.close();
      await cluster.close();
    },
  };
}

async function begin(cluster: Cluster, id: string, partitions: readonly TopicPartition[]): Promise<OpenTransaction> {
  const session = new TransactionSession(cluster, id, `begin-${id}`);
  await session.init();
  await session.begin(partitions, transactionDeadline());
  return {
    write: async (batches) => void (await session.write(batches, transactionDeadline())),
    commit: () => session.end(true, transactionDeadline()),
    abort: () => session.end(false, transactionDeadline()),
  };
}

function deleteRecords({ topic, partition }: TopicPartition, offset: number): ApiRequest<void> {
  return {
    apiKey: 21,
    apiVersion: 1,
    name: 'DeleteRecords',
    encode: (to) => {
      to.writeInt32(1).writeString(topic).writeInt32(1).writeInt32(partition).writeInt64(offset).writeInt32(10_000);
    },
    decode: (from) => {
      from.readInt32();
      from.readArray((from) => {
        from.readString();
        return from.readArray((from) => {
          from.readInt32();
          from.readInt64();
          check(from.readInt16(), 'DeleteRecords');
        });
      });
    },
  };
}

/** Rolls the segment by fresh records until the first record of each partition that has some is gone. */
async function compact(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer();
  const partitions = (await kafka.admin.partitions(topic)) ?? 0;
  for (let partition = 0; partition < partitions; partition++) {
    const at = { topic, partition };
    const [end] = (await kafka.admin.endOffsets([at])).values();
    if (end === undefined || end === 0) continue;
    for (let first = 0; first === 0;) {
      await producer.send({ ...at, records: [record('roll')] });
      const reader = kafka.reader();
      first = (await new Watched(reader, at).take(1))[0]?.offset ?? 0;
      await reader.close();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
