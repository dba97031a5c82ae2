import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { BenchCluster } from '../support/cluster.ts';
import { kafkaStreams } from '../support/peers.ts';
import { latency, type Latency } from '../support/statistics.ts';
import { Arrivals, follow, messageIdOf } from './arrivals.ts';
import { now, paced } from './load.ts';

const PARTITIONS = 4;
const WARM_SECONDS = 5;

export interface HopRow {
  readonly rate: number;
  readonly commitMs: number;
  /** From the send of a record until what the hop made of it could be read. */
  readonly hop: Latency;
}

/**
 * One hop of Kafka Streams with exactly_once_v2 on two threads, which copies; written and read by the same client as the chain.
 * `commitMs`: 100 is what Kafka Streams takes for exactly once by itself.
 */
export async function measureHop(cluster: BenchCluster, rate: number, seconds: number, commitMs: number): Promise<HopRow> {
  const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'hop' });
  const name = `hop-${rate}-${commitMs}-${Math.trunc(now())}`;
  const [from, to] = [`${name}.in`, `${name}.out`];
  await kafka.admin.createTopics([from, to].map((topic) => ({ name: topic, partitions: PARTITIONS, config: {} })));
  const program = kafkaStreams('Hop', {
    in: from,
    out: to,
    'application.id': name,
    'bootstrap.servers': cluster.brokers.join(','),
    'state.dir': join(cluster.folder, name),
    'processing.guarantee': 'exactly_once_v2',
    'num.stream.threads': 2,
    'commit.interval.ms': commitMs,
    'replication.factor': 1,
    'auto.offset.reset': 'earliest',
  });
  try {
    const arrivals = new Arrivals();
    const end = await follow(kafka, to, PARTITIONS, (record) => arrivals.arrived(messageIdOf(record)));
    const producer = kafka.producer();
    const value = Buffer.from(JSON.stringify({ event: 'Order Completed', filler: 'x'.repeat(270) }));
    let next = 0;
    const emit = async (count: number): Promise<void> => {
      const batches = Array.from(
        { length: PARTITIONS },
        (): { key: Buffer; value: Buffer; headers: Record<string, Buffer> }[] => [],
      );
      const at = now();
      for (let i = 0; i < count; i++) {
        const id = `e${next++}`;
        const key = Buffer.from(id);
        arrivals.sent(id, at);
        batches[partitionFor(key, PARTITIONS)]?.push({ key, value, headers: { 'message-id': Buffer.from(id) } });
      }
      await Promise.all(
        batches.map(async (records, partition) => {
          if (records.length > 0) await producer.send({ topic: from, partition, records });
        }),
      );
    };
    // It is there when the first record has come through.
    await emit(1);
    for (const until = now() + 60_000; arrivals.missing > 0 && now() < until;) await delay(20);
    const measured = now() + WARM_SECONDS * 1000;
    await paced(rate, WARM_SECONDS + seconds, emit);
    for (const until = now() + 15_000; arrivals.missing > 0 && now() < until;) await delay(20);
    if (arrivals.missing > 0) throw new Error(`${arrivals.missing} of ${next} records of the hop have not arrived`);
    await end();
    return { rate, commitMs, hop: latency(arrivals.since(measured)) };
  } finally {
    await program.stop();
    await kafka.admin.deleteTopics([from, to]);
    await kafka.close();
  }
}
