import { createRequire } from 'node:module';
import { eventually } from './eventually.ts';

/**
 * A consumer of memberships as anybody would write it by docs/consumers.md: it has the public API of kafkajs, and avsc, and nothing
 * of ours. Both by `require`, since ours import kafkajs nowhere else.
 */
interface Message {
  readonly key: Buffer;
  readonly value: Buffer | null;
  readonly offset: string;
}
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}
interface Consumer {
  connect(): Promise<void>;
  subscribe(options: { topics: readonly string[]; fromBeginning: boolean }): Promise<void>;
  run(options: {
    autoCommit: boolean;
    eachMessage: (payload: { partition: number; message: Message }) => Promise<void>;
  }): Promise<void>;
  seek(place: Place): void;
  on(name: 'consumer.end_batch_process', hear: (event: { payload: { partition: number; lastOffset: string } }) => void): void;
  disconnect(): Promise<void>;
}
interface Client {
  admin(): {
    connect(): Promise<void>;
    fetchTopicOffsets(topic: string): Promise<readonly { partition: number; low: string; high: string }[]>;
    disconnect(): Promise<void>;
  };
  consumer(options: { groupId: string; maxWaitTimeInMs: number }): Consumer;
}
interface Snapshot {
  readonly customer: string | null;
  readonly sequence: number;
  readonly segments: readonly { readonly segment: string }[];
  readonly continueFrom: { readonly partition: number; readonly offset: number } | null;
}
interface Change {
  readonly customer: string;
  readonly segment: string;
  readonly change: string;
  readonly sequence: number;
}
interface AvroType {
  fromBuffer(bytes: Buffer): unknown;
}

const load = createRequire(import.meta.url);
const { Kafka } = load('kafkajs') as { Kafka: new (options: object) => Client };
const { Type } = load('avsc') as { Type: { forSchema(schema: object): AvroType } };

export interface ApartOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Physical names of the two topics. */
  readonly members: string;
  readonly changes: string;
  readonly group: string;
}

/** What one customer belongs to, and the sequence of his last change. */
interface Known {
  sequence: number;
  readonly segments: Set<string>;
}

export class ApartMembers {
  readonly known = new Map<string, Known>();
  /** Changes that were new. */
  applied = 0;
  /** Customers of whom the compacted topic told. */
  fromSnapshot = 0;
  /** Whatever should not be: a sequence left out, an entering of a member, a leaving of somebody who is none. */
  readonly oddities: string[] = [];
  readonly #options: ApartOptions;
  readonly #client: Client;
  readonly #types = new Map<number, Promise<AvroType>>();
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(options: ApartOptions) {
    this.#options = options;
    this.#client = new Kafka({ clientId: options.group, brokers: options.brokers, logLevel: 0 });
  }

  /** Reads who belongs, and goes on with the changes from the places that are named there. */
  async start(): Promise<void> {
    const { members, changes } = this.#options;
    const from = new Map<number, string>();
    await this.#read(members, async ({ key, value }) => {
      const customer = key.toString();
      const told = value === null ? undefined : await this.#decode<Snapshot>(value);
      if (told === undefined) this.known.delete(customer);
      else if (told.continueFrom !== null) from.set(told.continueFrom.partition, String(told.continueFrom.offset));
      else {
        const segments = new Set(told.segments.map(({ segment }) => segment));
        this.known.set(customer, { sequence: told.sequence, segments });
      }
    });
    this.fromSnapshot = this.known.size;
    await this.#follow(changes, from);
  }

  /** The changes alone, from the first. */
  followFromBegin(): Promise<void> {
    return this.#follow(this.#options.changes, new Map());
  }

  members(segment: string): readonly string[] {
    return [...this.known].flatMap(([customer, { segments }]) => (segments.has(segment) ? [customer] : [])).sort();
  }

  sequences(): ReadonlyMap<string, number> {
    return new Map([...this.known].map(([customer, { sequence }]) => [customer, sequence]));
  }

  /** Resolves when this holds, which may depend on others as well; rejects after 45 seconds. */
  async until(holds: () => boolean): Promise<void> {
    const check = (is: boolean): void => {
      if (!is) throw new Error(`waited in vain for ${holds.toString()}; ${this.applied} changes have come`);
    };
    await eventually(async () => holds(), check, { patienceMs: 45_000, everyMs: 20 });
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()));
  }

  #take({ customer, segment, change, sequence }: Change): void {
    const known = this.known.get(customer) ?? { sequence: 0, segments: new Set() };
    if (sequence <= known.sequence) return;
    const enters = change === 'entered';
    if (sequence !== known.sequence + 1) this.oddities.push(`${customer}: ${sequence} after ${known.sequence}`);
    if (known.segments.has(segment) === enters) this.oddities.push(`${customer}: ${change} ${segment} again`);
    if (enters) known.segments.add(segment);
    else known.segments.delete(segment);
    known.sequence = sequence;
    this.known.set(customer, known);
    this.applied += 1;
  }

  async #follow(topic: string, from: ReadonlyMap<number, string>): Promise<void> {
    const consumer = await this.#consumer(topic);
    const eachMessage = async ({ message: { value } }: { message: Message }): Promise<void> => {
      if (value !== null) this.#take(await this.#decode<Change>(value));
    };
    await consumer.run({ autoCommit: false, eachMessage });
    for (const [partition, offset] of from) consumer.seek({ topic, partition, offset });
  }

  /** Reads a topic from its beginning to the end that it has now. */
  async #read(topic: string, each: (message: Message) => Promise<void>): Promise<void> {
    const admin = this.#client.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    const left = new Map(offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]));
    const consumer = await this.#consumer(topic);
    await new Promise<void>((resolve, reject) => {
      // What lies at the end of a partition may be the mark of a transaction, which is no message: only the batch tells of it.
      consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
        if (Number(lastOffset) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
        if (left.size === 0) resolve();
      });
      if (left.size === 0) resolve();
      consumer.run({ autoCommit: false, eachMessage: ({ message }) => each(message) }).catch(reject);
    });
    await this.#closers.pop()?.();
  }

  async #consumer(topic: string): Promise<Consumer> {
    const groupId = `${this.#options.group}-${topic}-${Math.random()}`;
    const consumer = this.#client.consumer({ groupId, maxWaitTimeInMs: 100 });
    await consumer.connect();
    this.#closers.push(() => consumer.disconnect());
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    return consumer;
  }

  /** Confluent's wire format: a zero, four bytes of the id of the schema, the value. */
  async #decode<T>(bytes: Buffer): Promise<T> {
    const id = bytes.readInt32BE(1);
    let type = this.#types.get(id);
    if (type === undefined) this.#types.set(id, (type = this.#fetchType(id)));
    return (await type).fromBuffer(bytes.subarray(5)) as T;
  }

  async #fetchType(id: number): Promise<AvroType> {
    const { schema } = (await (await fetch(`${this.#options.registryUrl}/schemas/ids/${id}`)).json()) as { schema: string };
    return Type.forSchema(JSON.parse(schema) as object);
  }
}
