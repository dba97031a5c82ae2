import { describe, expect, it } from '@jest/globals';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import { Bench, failure, record, records, values } from '../conformance/kafka/harness.ts';
import { kafkaConformance } from '../conformance/kafka/suite.ts';
import { realKafka } from '../support/real-kafka.ts';

const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const options = { brokers, clientId: 'conformance' };

kafkaConformance('Kafka', () => realKafka(options));

describe('a real broker', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('may compress by %s', async (codec) => {
    const harness = await realKafka(options);
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
    const harness = await realKafka(options);
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
