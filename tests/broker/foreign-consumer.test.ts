import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import type { TopicSpec } from '../../runtime/topic.ts';
import { readSchemas } from '../../schemas/avro.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { connectRegistry } from '../../schemas/registry/confluent.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { changelogSpec, physicalName, topicSpecs } from '../../schemas/topic-specs.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';

/** As much of kafkajs' public API as a program that is not ours would use; by `require`, since ours import it nowhere else. */
interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}
interface Client {
  admin(): {
    connect(): Promise<void>;
    createTopics(options: { topics: object[]; waitForLeaders: boolean }): Promise<boolean>;
    deleteTopics(options: { topics: string[] }): Promise<void>;
    disconnect(): Promise<void>;
  };
  producer(options: object): {
    connect(): Promise<void>;
    send(options: { topic: string; compression?: number; messages: { key: string; value: Buffer | string }[] }): Promise<unknown>;
    disconnect(): Promise<void>;
  };
  consumer(options: { groupId: string }): {
    connect(): Promise<void>;
    subscribe(options: { topics: string[]; fromBeginning: boolean }): Promise<void>;
    run(options: { eachMessage: (payload: { message: Message }) => Promise<void> }): Promise<void>;
    disconnect(): Promise<void>;
  };
}
const kafkajs = createRequire(import.meta.url)('kafkajs') as {
  Kafka: new (options: object) => Client;
  Partitioners: { DefaultPartitioner: unknown };
  CompressionTypes: { GZIP: number };
};

const url = process.env['SCHEMA_REGISTRY_URL'] ?? '';
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const retry = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10 };
const client = new kafkajs.Kafka({ clientId: 'foreign', brokers, logLevel: 0, retry });

const prefix = `f${randomUUID().slice(0, 8)}.`;
const raw = rawTopic('erp');
const partitions = 4;
const specs = [
  ...topicSpecs({ prefix, partitions, topics: [raw, ...Object.values(topics)] }),
  changelogSpec('foreign-processor', { prefix, partitions }),
];

const admin = client.admin();
const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, retry });
const registry = connectRegistry({ url });
const theirs = new SchemaRegistry({ host: url });
const serdes = createSerdes({ registry, prefix });

const entry = ({ name, partitions, config }: TopicSpec) => ({
  topic: name,
  numPartitions: partitions,
  configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
});

beforeAll(async () => {
  await Promise.all([admin.connect(), producer.connect(), serdes.register()]);
  await admin.createTopics({ topics: specs.map(entry), waitForLeaders: true });
});

afterAll(async () => {
  await admin.deleteTopics({ topics: specs.map(({ name }) => name) });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
});

/** Reads a topic from its beginning until `count` records have come. */
async function consume(topic: string, count: number): Promise<readonly Message[]> {
  const consumer = client.consumer({ groupId: `foreign-${randomUUID()}` });
  await consumer.connect();
  try {
    const messages: Message[] = [];
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = ({ message }: { message: Message }) => {
        messages.push(message);
        if (messages.length === count) resolve();
        return Promise.resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    return messages;
  } finally {
    await consumer.disconnect();
  }
}

function examples<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../../schemas/examples/${file}.json`, import.meta.url), 'utf8')) as T[];
}

describe('a consumer that knows only the registry', () => {
  it('reads what we write: memberships, with proof and cause', async () => {
    const topic = physicalName(prefix, topics.segmentsMembership);
    const written = examples<object>('membership-change');
    const encode = (value: object) => serdes.of(topics.segmentsMembership).encode(value as never);
    await producer.send({ topic, messages: written.map((value) => ({ key: 'c_1', value: encode(value) })) });
    const read: unknown[] = [];
    for (const { value } of await consume(topic, written.length)) read.push(await theirs.decode(value ?? Buffer.alloc(0)));
    expect(JSON.parse(JSON.stringify(read))).toEqual(written);
  });

  it('reads the bytes and headers of rejected records', async () => {
    const topic = physicalName(prefix, topics.eventsRejected);
    const [example] = examples<{ value: string; headers: Record<string, string> }>('rejected-record');
    const bytes = { key: null, value: Buffer.from([0, 255]), headers: { source: Buffer.from('web') } };
    const value = serdes.of(topics.eventsRejected).encode({ ...example, ...bytes } as never);
    await producer.send({ topic, messages: [{ key: 'k', value }] });
    const [message] = await consume(topic, 1);
    expect(await theirs.decode(message?.value ?? Buffer.alloc(0))).toMatchObject(bytes);
  });
});

describe('a producer that is not ours', () => {
  it('may write a later version of a value, and ours reads it as the version it knows', async () => {
    const topic = physicalName(prefix, topics.eventsTagged);
    const schema = readSchemas().find(({ schema }) => schema.name === 'TaggedEvent')?.schema;
    const fields = [{ name: 'consent', type: ['null', 'string'], default: null, doc: 'New.' }, ...(schema?.fields ?? [])];
    const { id } = await theirs.register(
      { ...schema, type: 'record', name: 'TaggedEvent', fields },
      { subject: `${topic}-value` },
    );
    const [example = {}] = examples<object>('tagged-event');
    await producer.send({ topic, messages: [{ key: 'k', value: await theirs.encode(id, { ...example, consent: 'all' }) }] });

    const [message] = await consume(topic, 1);
    const bytes = message?.value ?? Buffer.alloc(0);
    const serde = serdes.of(topics.eventsTagged);
    await serde.prepare?.(bytes);
    expect(serde.prepare?.(bytes)).toBeUndefined();
    expect(serde.decode(bytes)).toEqual(example);
  });

  it('may write Avro with a schema of its own, or JSON, compressed or not, to a raw topic', async () => {
    const topic = physicalName(prefix, raw);
    const fields = [
      { name: 'number', type: 'long' },
      { name: 'placed', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'customer', type: ['null', { type: 'record', name: 'Customer', fields: [{ name: 'email', type: 'string' }] }] },
      { name: 'signature', type: 'bytes' },
    ];
    const { id } = await theirs.register(
      { type: 'record', name: 'Order', namespace: 'erp', fields },
      { subject: `${topic}-value` },
    );
    const order = {
      number: 77,
      placed: 1_760_000_000_000,
      customer: { email: 'jane@example.com' },
      signature: Buffer.from([1, 2]),
    };
    await producer.send({ topic, messages: [{ key: 'avro', value: await theirs.encode(id, order) }] });
    const json = JSON.stringify({ ...order, signature: 'AQI=' });
    await producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages: [{ key: 'json', value: json }] });

    const decoder = createRawDecoder({ registry });
    const read = new Map<string | undefined, unknown>();
    for (const { key, value } of await consume(topic, 2)) {
      const bytes = value ?? Buffer.alloc(0);
      await decoder.prepare(bytes);
      read.set(key?.toString(), decoder.decode(bytes));
    }
    const verdict = { kind: 'value', value: { ...order, signature: 'AQI=' } };
    expect(Object.fromEntries(read)).toEqual({ avro: verdict, json: verdict });
  });
});
