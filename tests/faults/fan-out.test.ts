import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { Bench, record, values } from '../conformance/kafka/harness.ts';
import type { KafkaHarness } from '../conformance/kafka/harness.ts';
import { realKafka } from '../support/real-kafka.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';
import { inSync } from './harness/in-sync.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startThreeBrokers();
});
afterAll(() => cluster.stop());
const open = (): Promise<KafkaHarness> => realKafka({ brokers: cluster.brokers, clientId: 'fan-out' });

describe('a producer that fans out over three brokers', () => {
  const PARTITIONS = 6;
  const restart = async (index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await cluster.kill(index, signal);
    await delay(1_000);
    await cluster.restart(index);
    // Two of three have to be in sync: the next may only fall when this one has caught up.
    await inSync(cluster.brokers);
  };

  it.each([
    ['ended in order', 'SIGTERM'],
    ['killed', 'SIGKILL'],
  ] as const)('neither loses nor doubles what was acknowledged while one broker after the other is %s', async (_, signal) => {
    const harness = await open();
    const bench = await Bench.open(harness);
    const topic = await bench.topic(PARTITIONS);
    const producer = bench.kafka.producer();
    const acked = Array.from({ length: PARTITIONS }, (): string[] => []);
    const over = new AbortController();
    let sends = 0;
    const send = async (partition: number): Promise<void> => {
      while (!over.signal.aborted) {
        const value = `${partition}:${sends++}`;
        await producer.send({ topic, partition, records: [record(value)] }, { timeoutMs: 60_000 });
        acked[partition]?.push(value);
        await delay(2);
      }
    };
    const sending = acked.map((_, partition) => send(partition));
    for (const index of [0, 1, 2]) await restart(index, signal);
    over.abort();
    await Promise.all(sending);
    const found = await Promise.all(acked.map(async (_, partition) => values(await bench.read({ topic, partition }))));
    expect(found).toEqual(acked);
    const count = acked.flat().length;
    process.stderr.write(`freshet: brokers restarted 3 (${signal}), acknowledged ${count}, lost 0, duplicated 0\n`);
    expect(count).toBeGreaterThan(1_000);
    await bench.close();
    await harness.close();
  });
});
