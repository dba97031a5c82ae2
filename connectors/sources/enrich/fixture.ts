import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { prefixedNames } from '../../../runtime/environment.ts';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import type { TaggedEvent } from '../../../schemas/generated/types.ts';
import { hashId } from '../../../schemas/keys.ts';
import { MemoryRegistry } from '../../../schemas/registry/memory.ts';
import { createSerdes } from '../../../schemas/serdes.ts';
import { compileSource } from '../../../schemas/source-schema.ts';
import { topicSpecs } from '../../../schemas/topic-specs.ts';
import { rawTopic, topics } from '../../../schemas/topics.ts';
import { caller } from './call.ts';
import { enrich } from './index.ts';
import { enrichmentsTopic } from './state.ts';

const names = prefixedNames('');
const partitions = 2;

/** A third party: a real HTTP server that answers as it is told. */
export async function thirdParty(answer: (path: string, response: ServerResponse, request: IncomingMessage) => void) {
  const asked: string[] = [];
  const side = { answer };
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    side.answer(request.url ?? '', response, request);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url, asked, side, close };
}

export const json = (response: ServerResponse, body: unknown): void => void response.end(JSON.stringify(body));

/** What a raw record of an enrichment says. */
export interface Told {
  readonly id: string;
  readonly asOf: number;
  readonly said: {
    readonly key: string;
    readonly asked_at: number;
    readonly answer: unknown;
    readonly identifiers?: Readonly<Record<string, string>>;
  };
}

export interface AskingWorld {
  readonly kafka: Kafka;
  /** Results of questions, and outcomes of calls. */
  readonly questions: string[];
  readonly calls: string[];
  readonly stated: number[];
  readonly logged: string[];
  /** Begins to ask; the result ends it, as a crash does: what is under way is lost. */
  readonly run: () => () => Promise<void>;
  /** An event comes by. */
  readonly event: (event: string, who: string, properties: object, more?: Partial<TaggedEvent>) => Promise<void>;
  readonly told: () => Promise<readonly Told[]>;
}

/** One source that asks, over a broker in memory. `more` is added to `enrich`. */
export async function askingWorld(url: string, more: object = {}, ofSource: object = {}): Promise<AskingWorld> {
  const yaml = {
    source: 'weather',
    description: 'd',
    owner: 'o',
    enrich: {
      events: ['Place Seen'],
      key: 'event.properties.city',
      url: `${url}/now?city={key}`,
      fresh_for: '1h',
      budget: { calls: 100, per: '1d' },
      ...more,
    },
    transform: [{ event: 'Weather Told', identifiers: { user_id: 'record.identifiers.user_id' } }],
    ...ofSource,
  };
  const source = compileSource(yaml, { TOKEN: 'a secret token' });
  if (source.input.kind !== 'enrich') throw new Error('it asks nobody');
  const { enrich: config } = source.input;
  const kafka = new MemoryBroker().client();
  const declared = [enrichmentsTopic, rawTopic('weather'), topics.eventsTagged];
  await kafka.admin.createTopics(topicSpecs({ prefix: '', partitions, topics: declared }));
  const serdes = createSerdes({ registry: new MemoryRegistry(), topics: [topics.eventsTagged] });
  await serdes.register([topics.eventsTagged]);
  const [questions, calls, stated, logged]: [string[], string[], number[], string[]] = [[], [], [], []];
  let count = 0;
  return {
    kafka,
    questions,
    calls,
    stated,
    logged,
    run: () => {
      const ending = new AbortController();
      const done = enrich({
        source,
        enrich: config,
        call: caller(config, fetch),
        kafka,
        serdes,
        names,
        partitions,
        tick: () => Date.now(),
        state: (upTo) => void stated.push(upTo),
        opaque: (key) => hashId('opaque', key),
        metrics: {
          called: (_, outcome) => void calls.push(outcome),
          question: (_, result) => void questions.push(result),
        },
        log: (level, message, fields) => void logged.push(JSON.stringify([level, message, fields])),
        signal: ending.signal,
        wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
        monotonic: () => performance.now(),
        firstPauseMs: 10,
        stateEveryMs: 20,
        putOffMs: 100,
      });
      return async () => {
        ending.abort();
        await done;
      };
    },
    event: async (event, who, properties, changed = {}) => {
      const tagged: TaggedEvent = {
        messageId: `m${++count}`,
        source: 'site',
        type: 'track',
        event,
        occurredAt: Date.now(),
        receivedAt: Date.now(),
        asOf: null,
        identifiers: [{ kind: 'user_id', value: who }],
        properties: JSON.stringify(properties),
        traits: '{}',
        context: '{}',
        flags: [],
        mode: 'live',
        origin: { topic: 'events.raw', partition: 0, offset: count },
        ...changed,
      };
      const key = hashId(who);
      const record = { key: Buffer.from(key), value: serdes.of(topics.eventsTagged).encode(tagged) };
      const batch = { topic: topics.eventsTagged.name, partition: partitionFor(key, partitions), records: [record] };
      const producer = kafka.producer();
      await producer.send(batch);
      await producer.close();
    },
    told: async () => {
      const found: Told[] = [];
      const reader = kafka.reader();
      for (let partition = 0; partition < partitions; partition++) {
        const at = { topic: 'raw.weather', partition };
        const [end] = (await kafka.admin.stableOffsets([at])).values();
        const stream = reader.open(at, 0);
        while (stream.position < (end ?? 0)) {
          const taken = stream.take(1000);
          if (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
          for (const { value, headers } of taken)
            found.push({
              id: headers?.['message-id']?.toString() ?? '',
              asOf: Number(headers?.['as-of']?.toString()),
              said: JSON.parse(value?.toString() ?? '') as Told['said'],
            });
        }
        stream.close();
      }
      await reader.close();
      return found;
    },
  };
}

/** Looks again until it holds; what does not come to hold ends the test, and not the tier. */
export async function until<T>(look: () => T | Promise<T>, holds: (found: T) => boolean): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (holds(found)) return found;
    if (Date.now() > end) throw new Error(`it never came: ${JSON.stringify(found)}`);
    await delay(5);
  }
}
