import { describe, expect, it } from '@jest/globals';
import { Cluster } from '../../runtime/kafka/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { check } from '../../runtime/kafka/protocol-error.ts';
import type { ApiRequest } from '../../runtime/kafka/request.ts';
import { TransactionSession, transactionDeadline } from '../../runtime/kafka/transaction-session.ts';
import type { TopicPartition } from '../../runtime/record.ts';
import { Bench, Watched, failure, record, records, values } from '../conformance/kafka/harness.ts';
import type { KafkaHarness, OpenTransaction } from '../conformance/kafka/harness.ts';
import { kafkaConformance } from '../conformance/kafka/suite.ts';

const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const options = { brokers, clientId: 'conformance' };

async function realKafka(): Promise<KafkaHarness> {
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

kafkaConformance('Kafka', realKafka);

describe('a real broker', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('may compress by %s', async (codec) => {
    const harness = await realKafka();
    const bench = await Bench.open(harness);
    const at = { topic: await bench.topic(2, { 'compression.type': codec }), partition: 1 };
    const producer = bench.kafka.producer();
    const sent = [...records(2_000, 'again and again '), ...Array.from({ length: 500 }, (_, i) => record(String(Math.sin(i))))];
    await producer.send({ ...at, records: sent });
    await producer.send({ ...at, records: [record('short')] });
    expect(values(await bench.read(at))).toEqual([...sent.map(({ value }) => String(value)), 'short']);
    await bench.close();
    await harness.close();
  });

  it('that is not there is told by its address', async () => {
    const refused = connectKafka(
      { brokers: ['127.0.0.1:1'], clientId: 'nobody', ssl: { rejectUnauthorized: true } },
      { waitMs: 300 },
    );
    expect((await failure(refused, 'BROKER_UNAVAILABLE')).message).toContain('127.0.0.1:1');
  });

  it('is left without a handle when the client closes in the middle of everything', async () => {
    const harness = await realKafka();
    const bench = await Bench.open(harness);
    const topic = await bench.topic();
    const kafka = await connectKafka(options);
    const reader = kafka.reader();
    reader.open({ topic, partition: 0 }, 0);
    reader.open({ topic: bench.name('missing'), partition: 0 }, 0);
    const sent = kafka.producer().send({ topic: bench.name('missing'), partition: 0, records: records(1) });
    const member = kafka.member({ group: bench.name('group'), topic, tasks: 4, owned: () => [], onAssignment: () => undefined });
    await member.start();
    await Promise.all([failure(sent, 'CLOSED'), kafka.close()]);
    await failure(kafka.admin.topics(), 'CLOSED');
    await bench.close();
    await harness.close();
  });
});
