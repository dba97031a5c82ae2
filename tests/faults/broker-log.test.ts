import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { endpoint } from '../../connectors/sources/gateway/fixture.ts';
import { createGateway } from '../../connectors/sources/gateway/index.ts';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { type LocalCluster, startLocalCluster } from '../../infra/local/cluster.ts';
import { systemClock } from '../../runtime/clock.ts';
import { Cluster } from '../../runtime/kafka/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { KafkaReader } from '../../runtime/kafka/reader.ts';
import { readBatches } from '../../runtime/kafka/record-batch.ts';
import type { FetchedPartition } from '../../runtime/kafka/requests-fetch.ts';
import { openFeed } from '../../runtime/watermarks/feed.ts';
import { ProgressTable } from '../../runtime/watermarks/progress.ts';
import { Watched } from '../conformance/kafka/harness.ts';
import { eventually } from '../support/eventually.ts';
import { post } from '../support/send.ts';
import { randomOf } from './harness/random.ts';
import { LoneTask } from './harness/lone-task.ts';

const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
const codecs = ['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'] as const;
const PER_BATCH = 20;
const BATCHES = 20;

let dataDir: string;
let cluster: LocalCluster;
let kafka: Kafka;
let task: LoneTask | undefined;
beforeAll(async () => {
  dataDir = mkdtempSync(clusterFolder);
  cluster = await startLocalCluster({ dataDir, shortLived: true, kafkaPort: 0, registryPort: 'none', log: () => undefined });
  kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'broker-log' });
});
afterEach(async () => {
  await task?.stop();
  task = undefined;
});
afterAll(async () => {
  await kafka.close();
  await cluster.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A topic of one partition with `from * …` records, twenty to a batch, as the broker stores them under the codec. */
async function filled(topic: string, codec = 'producer'): Promise<void> {
  await kafka.admin.createTopics([{ name: topic, partitions: 1, config: { 'compression.type': codec } }]);
  const producer = kafka.producer();
  for (let batch = 0; batch < BATCHES; batch++) {
    const records = Array.from({ length: PER_BATCH }, (_, index) => ({
      key: Buffer.from(`k${index % 3}`),
      value: Buffer.from(JSON.stringify({ topic, n: batch * PER_BATCH + index })),
    }));
    await producer.send({ topic, partition: 0, records });
  }
}

/** Changes the log of a topic as it lies on the disk of the broker, which is ended in order meanwhile. */
async function tamper(topic: string, change: (log: Buffer) => void): Promise<void> {
  await cluster.kill(0, 'SIGTERM');
  const folder = join(dataDir, 'kafka', 'broker-1', `${topic}-0`);
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.log')) ?? '');
  const log = readFileSync(file);
  change(log);
  writeFileSync(file, log);
  await cluster.restart(0);
}

/** Where the batch with this number lies in a log. */
function placeOf(log: Buffer, number: number): number {
  let at = 0;
  for (let skipped = 0; skipped < number; skipped++) at += 12 + log.readInt32BE(at + 8);
  return at;
}

describe('F22: batches as others write them', () => {
  it('F22: of every codec are read in order; one of a codec that nobody knows is refused, and its group goes on', async () => {
    const topics = codecs.map((codec) => `${codec}-numbers`);
    for (const [index, topic] of topics.entries()) await filled(topic, codecs[index]);
    const unknown = 7;
    await tamper('uncompressed-numbers', (log) => {
      const at = placeOf(log, unknown);
      const end = at + 12 + log.readInt32BE(at + 8);
      log.writeInt16BE(5, at + 21);
      log.writeUInt32BE(crc32c(log.subarray(at + 21, end)), at + 17);
    });
    task = await LoneTask.start(kafka, 'codecs', topics);
    const all = topics.length * PER_BATCH * BATCHES;
    const current = task;
    await eventually(current.outputs, (rows) => expect(rows.length).toBeGreaterThanOrEqual(all - PER_BATCH));
    const rows = await current.outputs();
    const rejected = await current.rejected();
    let outOfOrder = 0;
    for (const own of Map.groupBy(rows, ({ topic }) => topic).values())
      own.forEach(({ n }, index) => void (index > 0 && n <= (own[index - 1]?.n ?? -1) && outOfOrder++));
    say(
      `F22: records ${all}, accepted ${rows.length}, rejected batches ${rejected.length} of ${PER_BATCH} records, lost ${all - rows.length - PER_BATCH * rejected.length}, out-of-order ${outOfOrder}`,
    );
    expect([rows.length, rejected.length, outOfOrder]).toEqual([all - PER_BATCH, 1, 0]);
    expect(rejected[0]).toMatchObject({
      topic: 'uncompressed-numbers',
      partition: 0,
      offset: unknown * PER_BATCH,
      step: 'decode',
    });
    expect(rejected[0]?.reason).toMatch(/20 records: .*unknown compression codec 5/);
    expect(current.state).toBe('running');
  });
});

describe('F23: bytes that were damaged', () => {
  it('F23: on their way are found by the checksum and asked for again: nothing is lost, and nothing comes that nobody sent', async () => {
    await filled('on-the-way');
    const random = randomOf(23);
    let flipped = 0;
    const links = new Cluster({ brokers: cluster.brokers, clientId: 'damaged' });
    const send = links.send.bind(links) as (...args: readonly unknown[]) => Promise<unknown>;
    const damaging = async (...args: readonly unknown[]): Promise<unknown> => {
      const answer = await send(...args);
      if ((args[2] as { name: string }).name !== 'Fetch') return answer;
      for (const { batches } of answer as readonly FetchedPartition[]) {
        // Not the offset and the leader's epoch, which no checksum covers; a transport that is not trusted needs TLS.
        const [at, covered] = [Math.floor(random() * batches.length), batches.length > 0 && random() < 0.6];
        const start = covered ? startOfBatch(batches, at) : 0;
        if (!covered || at - start < 8 || (at - start >= 12 && at - start < 16)) continue;
        batches[at] = (batches[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        flipped += 1;
      }
      return answer;
    };
    Object.assign(links, { send: damaging });
    const reader = new KafkaReader(links, 'damaged');
    let read: string[] = [];
    let streams = 0;
    for (; streams < 8; streams++) {
      const stream = new Watched(reader, { topic: 'on-the-way', partition: 0 });
      read = [...read, ...(await stream.upTo(PER_BATCH * BATCHES)).map(({ value }) => String(value))];
      stream.stream.close();
    }
    await reader.close();
    await links.close();
    const want = Array.from({ length: PER_BATCH * BATCHES }, (_, n) => JSON.stringify({ topic: 'on-the-way', n }));
    const phantom = read.filter((value) => !want.includes(value)).length;
    say(
      `F23: records ${streams * want.length}, bytes flipped ${flipped}, lost ${streams * want.length - read.length}, phantom ${phantom}`,
    );
    expect(read).toEqual(Array.from({ length: streams }, () => want).flat());
    expect(flipped).toBeGreaterThan(3);
  });

  it('F23: where they lie stop their task with the offset, and nothing of their batch comes out', async () => {
    await filled('on-disk');
    const damaged = 11;
    await tamper('on-disk', (log) => {
      const at = placeOf(log, damaged) + 100;
      log[at] = (log[at] ?? 0) ^ 0x04;
    });
    task = await LoneTask.start(kafka, 'damaged', ['on-disk']);
    const current = task;
    await eventually(
      async () => current.state,
      (state) => expect(state).toBe('failed'),
    );
    const rows = await current.outputs();
    const phantom = rows.filter(({ topic, n }) => topic !== 'on-disk' || n >= damaged * PER_BATCH).length;
    say(
      `F23: records before the damage ${damaged * PER_BATCH}, accepted ${rows.length}, phantom ${phantom}: ${String(current.failure)}`,
    );
    expect([rows.length, phantom]).toEqual([damaged * PER_BATCH, 0]);
    expect(current.failure).toMatchObject({
      code: 'CORRUPT_BATCH',
      message: `on-disk-0 at offset ${damaged * PER_BATCH}: a wrong checksum`,
    });
  });
});

function startOfBatch(batches: Buffer, place: number): number {
  let start = 0;
  for (const { bytes } of readBatches(batches, 'here')) {
    if (place < start + bytes.length) break;
    start += bytes.length;
  }
  return start;
}

describe('F19: a broker whose disk takes nothing more', () => {
  it('F19: is answered for with 503, and when it is repaired nothing is lost that was answered with 200', async () => {
    await kafka.admin.createTopics([{ name: 'events.raw', partitions: 4, config: {} }]);
    const claims = { claim: () => undefined, retire: () => undefined, tick: () => undefined };
    const idle = async (): Promise<void> => undefined;
    const producer = kafka.producer();
    const gateway = createGateway({
      sources: [endpoint('shop', 'key')],
      producer,
      partitions: 4,
      topicName: 'events.raw',
      feed: openFeed({
        instance: 'f19',
        sources: [],
        progress: new ProgressTable(),
        claims: { ...claims, flush: idle, close: idle },
      }),
      clock: systemClock,
      secret: 'a secret',
      reject: idle,
      limits: { produceTimeoutMs: 2_000, retryAwayMs: 200 },
    });
    const { url } = await gateway.start();
    const acked: string[] = [];
    const refused: number[] = [];
    let number = 0;
    const send = async (): Promise<number> => {
      const messageId = `m${number}`;
      const { status } = await post(url, 'key', 'track', { userId: `u${number++ % 9}`, event: 'Seen', messageId });
      if (status === 200) acked.push(messageId);
      else refused.push(status);
      return status;
    };
    while (acked.length < 100) await send();
    // A limit on the size of files is a disk that takes no more of this process alone, and needs no rights.
    const [pid] = readdirSync(join(dataDir, 'run')).map((name) => pidIn(join(dataDir, 'run', name)));
    execFileSync('prlimit', ['--pid', String(pid), '--fsize=1:unlimited']);
    while (refused.length < 5) await send();
    const whileFull = refused.length;
    await cluster.restart(0);
    await eventually(send, (status) => expect(status).toBe(200));
    for (let more = 0; more < 20; more++) await send();
    await gateway.stop();

    const found: string[] = [];
    for (let partition = 0; partition < 4; partition++) {
      const at = { topic: 'events.raw', partition };
      const [end = 0] = (await kafka.admin.endOffsets([at])).values();
      const reader = kafka.reader();
      for (const { value } of await new Watched(reader, at).upTo(end))
        found.push((JSON.parse(String(value)) as { messageId: string }).messageId);
      await reader.close();
    }
    const lost = acked.filter((id) => !found.includes(id)).length;
    say(`F19: acknowledged ${acked.length}, refused with 503 ${refused.length} (${whileFull} while full), lost ${lost}`);
    expect(lost).toBe(0);
    expect(new Set(refused)).toEqual(new Set([503]));
  });
});

/** Of a program of the cluster, from the file by which it is known. */
function pidIn(file: string): number {
  return Number(/\d+/.exec(readFileSync(file, 'utf8'))?.[0]);
}
