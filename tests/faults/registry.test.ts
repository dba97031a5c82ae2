import { mkdtempSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { type LocalCluster, startLocalCluster } from '../../infra/local/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { testTopic } from '../../runtime/testing/json-serdes.ts';
import type { AvroRecord } from '../../schemas/avro.ts';
import { connectRegistry } from '../../schemas/registry/confluent.ts';
import { createSerdes, type Serdes } from '../../schemas/serdes.ts';
import { Deployment } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { LoneTask, type Row, rowFormat } from './harness/lone-task.ts';
import { type RegistryMood, RegistryProxy } from './harness/registry-proxy.ts';

const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
const field = (name: string, type: string, more: object = {}) => ({ name, type, ...more });
const schemaOf = (...more: readonly object[]): AvroRecord =>
  ({
    type: 'record',
    name: 'Row',
    namespace: 'faults',
    fields: [field('topic', 'string'), field('n', 'int'), ...more],
  }) as AvroRecord;

let dataDir: string;
let cluster: LocalCluster;
let kafka: Kafka;
let proxy: RegistryProxy;
let task: LoneTask | undefined;
beforeAll(async () => {
  dataDir = mkdtempSync(clusterFolder);
  cluster = await startLocalCluster({ dataDir, shortLived: true, kafkaPort: 0, registryPort: 0, log: () => undefined });
  kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'registry' });
  proxy = await RegistryProxy.to(cluster.registryUrl);
});
afterEach(async () => {
  proxy.mood = 'well';
  await task?.stop();
  task = undefined;
});
afterAll(async () => {
  await proxy.close();
  await kafka.close();
  await cluster.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const topicOf = (name: string) => ({ ...testTopic<Row>(name), format: rowFormat });
function serdesOf(topic: string, schema: AvroRecord, url: string): Serdes {
  const registry = connectRegistry({ url, timeoutMs: 8_000 });
  return createSerdes({ registry, topics: [topicOf(topic)], schemas: new Map([['Row', schema]]) });
}

async function send(topic: string, values: readonly Buffer[]): Promise<void> {
  await kafka.producer().send({ topic, partition: 0, records: values.map((value) => ({ key: Buffer.from('k'), value })) });
}

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('F20: a registry that is away', () => {
  it('F20: at the start refuses the start for now, in every mood, and lets it through when it is back', async () => {
    const refused: string[] = [];
    for (const mood of ['down', 'broken', 'garbage'] as const) {
      proxy.mood = mood;
      const failure = (await serdesOf('at-start', schemaOf(), proxy.url)
        .register()
        .catch((error: unknown) => error)) as object;
      expect(failure).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true });
      refused.push(mood);
    }
    proxy.mood = 'well';
    await serdesOf('at-start', schemaOf(), proxy.url).register();
    say(`F20: starts refused for now ${refused.length} (${refused.join(', ')}), then taken 1`);
  });

  it('F20: at the start leaves a process alive and not ready, which says why, until it is there', async () => {
    proxy.mood = 'down';
    const deployment = await Deployment.create(
      { 'freshet.yaml': 'name: nothing\nsecret: a secret of nothing\n' },
      {
        KAFKA_BROKERS: cluster.brokers.join(','),
        SCHEMA_REGISTRY_URL: proxy.url,
        FRESHET_HEALTH_PORT: '0',
      },
    );
    try {
      const process = deployment.begin(['detect-fraud']);
      const port = await eventually(
        async () => healthPort(process.said),
        (found) => expect(found).toBeGreaterThan(0),
      );
      const ask = async (path: string): Promise<[number, string]> => {
        const answer = await fetch(`http://127.0.0.1:${port}/health/${path}`);
        return [answer.status, await answer.text()];
      };
      const told = async () => await ask('ready');
      const [status, body] = await eventually(told, ([, text]) => expect(text).toContain('registry'));
      const live = await ask('live');
      proxy.mood = 'well';
      await process.up;
      const [later, then] = await eventually(told, ([code]) => expect(code).toBe(200));
      say(`F20: ready ${status} and live ${live[0]} while it is away, ready ${later} after: ${body}`);
      expect([status, live[0], JSON.parse(live[1]), JSON.parse(then)]).toEqual([
        503,
        200,
        { status: 'live', problems: [] },
        { status: 'ready', problems: [] },
      ]);
      expect(JSON.parse(body)).toEqual({
        status: 'not ready',
        problems: [{ what: 'process', why: expect.stringMatching(/^starting, waits: .*registry/) }],
      });
    } finally {
      await deployment.close();
    }
  });

  it('F20: later on holds up what needs a new schema, and neither loses nor refuses it; known schemas go on', async () => {
    const topic = 'in-the-middle';
    await kafka.admin.createTopics([{ name: topic, partitions: 1, config: {} }]);
    const writer = serdesOf(topic, schemaOf(), cluster.registryUrl);
    await writer.register();
    const reader = serdesOf(topic, schemaOf(), proxy.url);
    await reader.register();
    task = await LoneTask.start(kafka, 'middle', [topic], reader);
    const current = task;
    const come = async (): Promise<number> => (await current.outputs()).length;
    let sent = 0;
    const produce = async (serdes: Serdes, count: number): Promise<void> => {
      await send(
        topic,
        numbers(sent, count).map((n) => serdes.of(topicOf(topic)).encode({ topic, n })),
      );
      sent += count;
    };
    await produce(writer, 100);
    await eventually(come, (count) => expect(count).toBe(100));

    const held: number[] = [];
    for (const [round, mood] of (['down', 'broken', 'garbage', 'slow'] as const satisfies readonly RegistryMood[]).entries()) {
      proxy.mood = mood;
      await produce(writer, 50);
      await eventually(come, (count) => expect(count).toBe(sent));
      const newer = serdesOf(
        topic,
        schemaOf(...numbers(0, round + 1).map((n) => field(`extra${n}`, 'int', { default: n }))),
        cluster.registryUrl,
      );
      await newer.register();
      const before = proxy.met.get(mood) ?? 0;
      await send(
        topic,
        numbers(sent, 50).map((n) => newer.of(topicOf(topic)).encode({ topic, n, ...extras(round) })),
      );
      sent += 50;
      // Asked at least twice, so that its answer has not been taken for one; a slow one is waited for.
      await eventually(
        async () => proxy.met.get(mood) ?? 0,
        (met) => expect(met - before).toBeGreaterThanOrEqual(mood === 'slow' ? 1 : 2),
      );
      expect(await come()).toBe(sent - 50);
      held.push(50);
      if (mood !== 'slow') proxy.mood = 'well';
      await eventually(come, (count) => expect(count).toBe(sent));
    }
    const rows = await current.outputs();
    const rejected = (await current.rejected()).length;
    const lost = numbers(0, sent).filter((n) => !rows.some((row) => row.n === n)).length;
    say(
      `F20: records ${sent}, held back ${held.length * 50}, rejected ${rejected}, lost ${lost}, duplicated ${rows.length - sent + lost}`,
    );
    expect(rows.map(({ n }) => n)).toEqual(numbers(0, sent));
    expect(rejected).toBe(0);
  });
});

/** Where a process says that it answers for its health. */
function healthPort(lines: readonly string[]): number {
  const said = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { message: string; port?: number });
  return said.find(({ message }) => message === 'health')?.port ?? 0;
}

const extras = (round: number): object => Object.fromEntries(numbers(0, round + 1).map((n) => [`extra${n}`, n]));

describe('F21: schemas that do not fit', () => {
  it.each([
    [
      'another type',
      { type: 'record', name: 'Row', namespace: 'faults', fields: [field('topic', 'string'), field('n', 'string')] },
    ],
    ['a new field without a default', schemaOf(field('more', 'int'))],
  ])('F21: are refused at registration: %s', async (what, schema) => {
    const topic = `refused-${what.replaceAll(' ', '-')}`;
    await serdesOf(topic, schemaOf(), cluster.registryUrl).register();
    const refusal = serdesOf(topic, schema as AvroRecord, cluster.registryUrl).register();
    await expect(refusal).rejects.toMatchObject({ code: 'TOPIC_MISMATCH', message: expect.stringContaining(topic) });
  });

  it('F21: unknown ids, wrong magic bytes and cut values are refused with offset and reason, and the partition goes on', async () => {
    const topic = 'does-not-fit';
    await kafka.admin.createTopics([{ name: topic, partitions: 1, config: {} }]);
    const serdes = serdesOf(topic, schemaOf(), cluster.registryUrl);
    await serdes.register();
    task = await LoneTask.start(kafka, 'fit', [topic], serdes);
    const current = task;
    const values: Buffer[] = [];
    const bad = new Map<number, string>();
    for (let n = 0; n < 500; n++) {
      const value = Buffer.from(serdes.of(topicOf(topic)).encode({ topic, n }));
      if (n % 50 === 7) {
        value.writeInt32BE(900_000 + n, 1);
        bad.set(n, 'the registry has no schema');
      } else if (n % 50 === 17) {
        value[0] = 1;
        bad.set(n, 'no Confluent prefix');
      } else if (n % 50 === 27) {
        values.push(value.subarray(0, value.length - 2));
        bad.set(n, 'Row: ');
        continue;
      }
      values.push(value);
    }
    const began = Date.now();
    await send(topic, values);
    const refused = async () => await current.rejected();
    await eventually(refused, (rows) => expect(rows).toHaveLength(bad.size), { everyMs: 50 });
    await eventually(current.outputs, (rows) => expect(rows).toHaveLength(500 - bad.size), { everyMs: 50 });
    const took = Date.now() - began;
    const rows = await refused();
    const accepted = await current.outputs();
    say(
      `F21: records 500, accepted ${accepted.length}, rejected ${rows.length}, lost ${500 - accepted.length - rows.length}, lag 0 after ${took} ms`,
    );
    for (const { offset, reason, step } of rows) {
      expect(step).toBe('decode');
      expect(reason).toContain(bad.get(offset) ?? 'nothing was wrong with it');
    }
    expect(took).toBeLessThan(5_000);
  });
});
