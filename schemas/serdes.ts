import { systemClock } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Serde, Topic } from '../runtime/topic.ts';
import { readSchemas } from './avro.ts';
import type { AvroRecord } from './avro.ts';
import { toRejected } from './rejected.ts';
import type { Registry } from './registry/registry.ts';
import { physicalName } from './topic-specs.ts';
import { topics as allTopics } from './topics.ts';
import { avroSerde } from './wire/avro-serde.ts';
import type { AvroSerde } from './wire/avro-serde.ts';
import { parse } from './wire/json.ts';
import { msgpackSerde } from './wire/msgpack.ts';
import { createWriters } from './wire/writers.ts';

export interface Serdes {
  /** The serde of a topic's values, the same one for each call. An Avro one encodes once `register` has resolved. */
  of<V>(topic: Topic<V>): Serde<V>;
  /**
   * To be called at start: registers the schema of every Avro topic under `<physical topic>-value`. Rejects with
   * TOPIC_MISMATCH for a schema that cannot read what lies in the topic, REGISTRY_UNAVAILABLE (retryable) without a registry.
   * `more`: topics of this deployment alone.
   */
  register(more?: readonly Topic[]): Promise<void>;
}

export interface SerdesOptions {
  readonly registry: Registry;
  /** Put before every topic name. */
  readonly prefix?: string;
  /** Default: all of `topics`. Others can be read, and written after `register` only if they are in here. */
  readonly topics?: readonly Topic[];
  /** Avro schemas by record name; default: those of schemas/events. */
  readonly schemas?: ReadonlyMap<string, AvroRecord>;
  readonly clock?: Clock;
}

/** The serdes of all topics over one registry. */
export function createSerdes({
  registry,
  prefix = '',
  topics = Object.values(allTopics),
  schemas = eventSchemas(),
  clock = systemClock,
}: SerdesOptions): Serdes {
  const writers = createWriters(registry, clock);
  const avro = new Map<string, AvroSerde<unknown>>();
  const others = { json: jsonSerde(), msgpack: msgpackSerde<unknown>(), bytes: bytesSerde } as const;

  function schemaOf(name: string): AvroRecord {
    const schema = schemas.get(name);
    if (schema === undefined) throw new FreshetError('CONFIG_INVALID', `no Avro schema ${name} in schemas/events`);
    return schema;
  }

  function avroOf(topic: Topic, name: string): AvroSerde<unknown> {
    const known = avro.get(topic.name);
    if (known !== undefined) return known;
    const serde = refined(name, avroSerde(schemaOf(name), writers));
    avro.set(topic.name, serde);
    return serde;
  }

  return {
    of<V>(topic: Topic<V>): Serde<V> {
      const { format } = topic;
      return (format.kind === 'avro' ? avroOf(topic, format.schema) : others[format.kind]) as Serde<V>;
    },

    async register(more = []) {
      for (const topic of [...topics, ...more]) {
        if (topic.format.kind !== 'avro') continue;
        const schema = JSON.stringify(schemaOf(topic.format.schema));
        const id = await registry.register(`${physicalName(prefix, topic)}-value`, schema);
        writers.add(id, { kind: 'avro', schema });
        avroOf(topic, topic.format.schema).registered(id);
      }
    },
  };
}

/** Topics whose values are narrower than their schema says. */
const refinements: ReadonlyMap<string, (value: never) => unknown> = new Map([['RejectedRecord', toRejected]]);

function refined(schema: string, serde: AvroSerde<unknown>): AvroSerde<unknown> {
  const refine = refinements.get(schema);
  return refine === undefined ? serde : { ...serde, decode: (bytes) => refine(serde.decode(bytes) as never) };
}

function jsonSerde(): Serde<unknown> {
  return {
    encode(value) {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new FreshetError('ENCODE_FAILED', 'JSON cannot hold this value');
      return Buffer.from(text);
    },
    decode(bytes) {
      const parsed = parse(bytes);
      if (parsed.kind === 'refused') throw new FreshetError('DECODE_FAILED', parsed.reason);
      return parsed.value;
    },
  };
}

const bytesSerde: Serde<unknown> = {
  encode: (value) => value as Buffer,
  decode: (bytes) => bytes,
};

function eventSchemas(): ReadonlyMap<string, AvroRecord> {
  return new Map(readSchemas().map(({ schema }) => [schema.name, schema]));
}
