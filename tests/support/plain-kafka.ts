import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';

/** As much of kafkajs' public API as a program that is not ours would use; by `require`, since ours import it nowhere else. */
interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offset: string;
  readonly headers?: Readonly<Record<string, Buffer>>;
}
interface Admin {
  connect(): Promise<void>;
  listTopics(): Promise<string[]>;
  deleteTopics(options: { topics: readonly string[] }): Promise<void>;
  createPartitions(options: { topicPartitions: readonly { topic: string; count: number }[] }): Promise<unknown>;
  disconnect(): Promise<void>;
}
interface Consumer {
  connect(): Promise<void>;
  subscribe(options: { topics: readonly string[]; fromBeginning: boolean }): Promise<void>;
  run(options: {
    eachMessage: (payload: { topic: string; partition: number; message: Message }) => Promise<void>;
  }): Promise<void>;
  disconnect(): Promise<void>;
}
interface Producer {
  connect(): Promise<void>;
  send(options: {
    topic: string;
    messages: readonly { key?: string; value: Buffer | string; headers?: Readonly<Record<string, string>> }[];
  }): Promise<unknown>;
  disconnect(): Promise<void>;
}
interface Client {
  admin(): Admin;
  consumer(options: { groupId: string; retry: object; maxWaitTimeInMs: number }): Consumer;
  producer(options: object): Producer;
}
const kafkajs = createRequire(import.meta.url)('kafkajs') as {
  Kafka: new (options: object) => Client;
  Partitioners: { DefaultPartitioner: unknown };
};

const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const retry = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10 };
/** How long is waited for records, milliseconds; below the patience of the tier, so that a failure says what was there. */
const PATIENCE_MS = 55_000;

/** A record as a program that is not ours reads it: Avro by the registry's schema, anything else as bytes. */
export interface PlainRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: unknown;
}

/** A client of Kafka and of the registry that knows nothing of freshet; the tests' view from outside. */
export class PlainKafka {
  readonly registry = new SchemaRegistry({ host: process.env['SCHEMA_REGISTRY_URL'] ?? '' });
  readonly #client = new kafkajs.Kafka({ clientId: 'plain', brokers, logLevel: 0, retry });
  readonly #closers: (() => Promise<void>)[] = [];

  /** Reads these topics from their beginning, for as long as the client is open. */
  async listen(...topics: readonly string[]): Promise<Listener> {
    // Its end waits for a fetch that is under way.
    const consumer = this.#client.consumer({ groupId: `plain-${randomUUID()}`, retry, maxWaitTimeInMs: 250 });
    await consumer.connect();
    this.#closers.push(() => consumer.disconnect());
    await consumer.subscribe({ topics, fromBeginning: true });
    const listener = new Listener();
    await consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        const { key, value, offset, headers = {} } = message;
        listener.heard({
          topic,
          partition,
          offset: Number(offset),
          key: key?.toString() ?? '',
          headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()])),
          value: value?.[0] === 0 ? ((await this.registry.decode(value)) as unknown) : value,
        });
      },
    });
    return listener;
  }

  async producer(): Promise<Pick<Producer, 'send'>> {
    const producer = this.#client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, retry });
    await producer.connect();
    this.#closers.push(() => producer.disconnect());
    return producer;
  }

  /** All topics whose names begin so. */
  topics(prefix: string): Promise<readonly string[]> {
    return this.#withAdmin(async (admin) => (await admin.listTopics()).filter((name) => name.startsWith(prefix)));
  }

  /** Deletes all topics whose names begin so. */
  async deleteTopics(prefix: string): Promise<void> {
    const topics = await this.topics(prefix);
    if (topics.length > 0) await this.#withAdmin((admin) => admin.deleteTopics({ topics }));
  }

  /** Gives a topic more partitions. */
  async growTopic(topic: string, count: number): Promise<void> {
    await this.#withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
  }

  async #withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#client.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }
}

/** What has been read so far, and a way to wait for more. */
export class Listener {
  readonly #records: PlainRecord[] = [];
  readonly #waiting = new Set<() => void>();

  heard(record: PlainRecord): void {
    this.#records.push(record);
    for (const check of this.#waiting) check();
  }

  /** Values of a topic, in the order in which they were read. */
  values<T>(topic: string): readonly T[] {
    return this.records(topic).map(({ value }) => value as T);
  }

  records(topic: string): readonly PlainRecord[] {
    return this.#records.filter((record) => record.topic === topic);
  }

  /** Resolves with the values of a topic as soon as they satisfy; rejects with what there was when that takes too long. */
  until<T>(topic: string, satisfy: (values: readonly T[]) => boolean, patienceMs = PATIENCE_MS): Promise<readonly T[]> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(late);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        const values = this.values<T>(topic);
        if (!satisfy(values)) return;
        stop();
        resolve(values);
      };
      const late = setTimeout(() => {
        stop();
        const last = this.values(topic).slice(-20);
        reject(new Error(`waited in vain on ${topic}; the last of it: ${JSON.stringify(last, undefined, 1)}`));
      }, patienceMs);
      this.#waiting.add(check);
      check();
    });
  }
}
