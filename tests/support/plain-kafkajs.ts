import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { FreshetError } from '../../runtime/errors.ts';
import type {
  Admin,
  Kafka,
  PartitionReader,
  PartitionStream,
  ProduceBatch,
  ProduceResult,
  Producer,
  StreamOptions,
  TransactionalProducer,
} from '../../runtime/kafka/contract.ts';
import { noHeaders } from '../../runtime/record.ts';
import type { RawRecord, TopicPartition } from '../../runtime/record.ts';
import type { KafkaHarness, OpenTransaction } from '../conformance/kafka/harness.ts';

// Our contract on the public API of kafkajs, as its documentation says to use it: one send for what belongs together.

interface PlainMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer>>;
  readonly timestamp: string;
  readonly offset: string;
}
interface PlainMetadata {
  readonly topicName: string;
  readonly partition: number;
  readonly baseOffset?: string;
  readonly logAppendTime?: string;
}
interface Sends {
  sendBatch(options: { topicMessages: readonly object[]; acks?: number }): Promise<PlainMetadata[]>;
}
interface PlainTransaction extends Sends {
  commit(): Promise<void>;
  abort(): Promise<void>;
}
interface PlainProducer extends Sends {
  connect(): Promise<void>;
  transaction(): Promise<PlainTransaction>;
  disconnect(): Promise<void>;
}
interface PlainBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly PlainMessage[];
}
interface PlainConsumer {
  connect(): Promise<void>;
  subscribe(options: { topics: readonly string[]; fromBeginning: boolean }): Promise<void>;
  run(options: { autoCommit: boolean; eachBatch: (payload: { batch: PlainBatch }) => Promise<void> }): Promise<void>;
  seek(options: { topic: string; partition: number; offset: string }): void;
  on(event: string, listener: (event: { payload: Readonly<Record<string, unknown>> }) => void): void;
  disconnect(): Promise<void>;
}
interface PlainClient {
  consumer(options: object): PlainConsumer;
  producer(options: object): PlainProducer;
}
const kafkajs = createRequire(import.meta.url)('kafkajs') as { Kafka: new (options: object) => PlainClient };

/** The harness of the conformance suite over plain kafkajs. Truncating and compacting are done from outside, by `tools`. */
export function plainKafkajs(brokers: readonly string[], tools: KafkaHarness): KafkaHarness {
  // NODE_ENV must not be `test`, which changes the defaults of its retries; all else is as it comes.
  const client = new kafkajs.Kafka({ clientId: 'plain', brokers, logLevel: 0 });
  const trusted = tools.connect();
  const closing: (() => Promise<unknown>)[] = [async () => (await trusted).close()];
  return {
    connect: async () => new PlainKafka(client, (await trusted).admin),
    begin: async (transactionalId) => {
      const producer = client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      closing.push(() => producer.disconnect());
      return opened(await producer.transaction());
    },
    truncate: (partition, offset) => tools.truncate(partition, offset),
    compact: (topic) => tools.compact(topic),
    close: async () => void (await Promise.all(closing.map((close) => close()))),
  };
}

function opened(transaction: PlainTransaction): OpenTransaction {
  return {
    write: async (batches) => void (await transaction.sendBatch({ topicMessages: topicMessages(batches) })),
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
  };
}

class PlainKafka implements Kafka {
  readonly admin: Admin;
  readonly #client: PlainClient;
  readonly #closing: (() => Promise<unknown>)[] = [];

  /** Topics are made and looked at by `admin`, which is ours: what is judged is how it writes and reads. */
  constructor(client: PlainClient, admin: Admin) {
    this.#client = client;
    this.admin = admin;
  }

  reader(): PartitionReader {
    const streams: PlainStream[] = [];
    const close = async (): Promise<void> => void (await Promise.all(streams.map((stream) => stream.end())));
    this.#closing.push(close);
    const open = (at: TopicPartition, offset: number, options: StreamOptions = {}): PartitionStream => {
      const stream = new PlainStream(this.#client, at, offset, options);
      streams.push(stream);
      return stream;
    };
    return { open, close };
  }

  producer(): Producer {
    const producer = this.#client.producer({ idempotent: true });
    const connected = producer.connect();
    this.#closing.push(() => producer.disconnect());
    return {
      send: async (batch) => {
        await connected;
        const [sent] = await producer.sendBatch({ topicMessages: topicMessages([batch]), acks: -1 }).catch(failed);
        return resultOf(batch, sent);
      },
      close: () => producer.disconnect(),
    };
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    const producer = this.#client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
    this.#closing.push(() => producer.disconnect());
    let next: PlainTransaction | undefined;
    return {
      init: async () => {
        await producer.connect();
        next = await producer.transaction().catch(failed);
      },
      transact: async (batches) => {
        const transaction = next ?? (await producer.transaction().catch(failed));
        next = undefined;
        const sent = await transaction.sendBatch({ topicMessages: topicMessages(batches) }).catch(failed);
        await transaction.commit().catch(failed);
        const at = (batch: ProduceBatch) =>
          sent.find(({ topicName, partition }) => topicName === batch.topic && partition === batch.partition);
        return batches.map((batch) => resultOf(batch, at(batch)));
      },
      close: () => producer.disconnect(),
    };
  }

  member(): never {
    throw new FreshetError('CLOSED', 'its groups cannot be had without its fetching');
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
  }
}

/** A consumer with a group to itself that seeks; its position is what its events tell of. */
class PlainStream implements PartitionStream {
  readonly topic: string;
  readonly partition: number;
  error: Error | undefined;
  readonly #consumer: PlainConsumer;
  readonly #notify: () => void;
  readonly #records: RawRecord[] = [];
  readonly #running: Promise<unknown>;
  #next: number;
  #closed = false;

  constructor(client: PlainClient, { topic, partition }: TopicPartition, offset: number, options: StreamOptions) {
    this.topic = topic;
    this.partition = partition;
    this.#next = offset;
    this.#notify = options.notify ?? (() => undefined);
    const readUncommitted = options.isolation === 'read_uncommitted';
    this.#consumer = client.consumer({ groupId: randomUUID(), readUncommitted, maxWaitTimeInMs: 100 });
    this.#running = this.#run(offset).catch((error: unknown) => this.#fail(error));
  }

  get queued(): number {
    return this.#records.length;
  }

  get position(): number {
    return this.#records[0]?.offset ?? this.#next;
  }

  take(max: number): readonly RawRecord[] {
    return this.#records.splice(0, max);
  }

  close(): void {
    this.#closed = true;
    void this.end();
  }

  async end(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#consumer.disconnect();
  }

  async #run(offset: number): Promise<void> {
    const { topic, partition } = this;
    this.#consumer.on('consumer.crash', ({ payload }) => payload['restart'] !== true && this.#fail(payload['error']));
    this.#consumer.on('consumer.end_batch_process', ({ payload }) => {
      if (payload['partition'] !== partition || this.#closed) return;
      this.#next = Math.max(this.#next, Number(payload['lastOffset']) + 1);
      this.#notify();
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    const eachBatch = async ({ batch }: { batch: PlainBatch }): Promise<void> => {
      if (batch.partition === partition && !this.#closed) this.#records.push(...batch.messages.map(recordOf));
    };
    await this.#consumer.run({ autoCommit: false, eachBatch });
    this.#consumer.seek({ topic, partition, offset: String(offset) });
  }

  #fail(error: unknown): void {
    this.error ??= error instanceof Error ? error : new Error(String(error));
    this.#notify();
  }
}

function recordOf({ key, value, headers, timestamp, offset }: PlainMessage): RawRecord {
  return { key, value, headers: headers ?? noHeaders, timestamp: Number(timestamp), offset: Number(offset) };
}

function topicMessages(batches: readonly ProduceBatch[]): readonly object[] {
  return batches.map(({ topic, partition, records }) => ({
    topic,
    messages: records.map(({ key, value, headers = {}, timestamp }) => ({
      key,
      value,
      headers,
      partition,
      ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
    })),
  }));
}

function resultOf({ topic, partition }: ProduceBatch, sent: PlainMetadata | undefined): ProduceResult {
  const appendTime = Number(sent?.logAppendTime ?? -1);
  return { topic, partition, baseOffset: Number(sent?.baseOffset ?? -1), appendTime: appendTime < 0 ? undefined : appendTime };
}

function failed(cause: unknown): never {
  const { type = '', message = String(cause) } = cause as { readonly type?: string; readonly message?: string };
  const fenced = type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED';
  throw new FreshetError(fenced ? 'FENCED' : 'TRANSACTION_FAILED', message, { cause, retryable: !fenced });
}
