import { isUtf8 } from 'node:buffer';
import type { Rejected } from '../runtime/record.ts';
import type { SerdeSource, Topic } from '../runtime/topic.ts';
import type { RawDecoder } from '../schemas/raw-decoder.ts';

/** The value of a rejected record as far as it can be read. */
export type Readable =
  /** JSON, or Avro as JSON. */
  | { readonly kind: 'json'; readonly json: unknown }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'hex'; readonly hex: string }
  | { readonly kind: 'none' };

/** What reads and writes the values of topics. */
export interface ValueReader {
  readonly serdes: SerdeSource;
  readonly rawDecoder: RawDecoder;
  /** Every topic that a record can be replayed to, by its logical name. */
  readonly topics: ReadonlyMap<string, Topic>;
}

/** Reads the original bytes: by the topic's format, else as text, else as hex; never throws for what they are. */
export async function readValue({ serdes, rawDecoder, topics }: ValueReader, rejected: Rejected): Promise<Readable> {
  const { value } = rejected;
  if (value === null) return { kind: 'none' };
  const topic = topics.get(rejected.topic);
  if (topic === undefined || topic.format.kind === 'bytes') {
    await rawDecoder.prepare(value);
    const decoded = rawDecoder.decode(value);
    if (decoded.kind === 'value') return { kind: 'json', json: decoded.value };
  } else {
    const serde = serdes.of(topic);
    try {
      await serde.prepare?.(value);
      return { kind: 'json', json: serde.decode(value) };
    } catch {
      // Shown as it is.
    }
  }
  return isUtf8(value) ? { kind: 'text', text: value.toString('utf8') } : { kind: 'hex', hex: value.toString('hex') };
}

/** The bytes of a corrected value; raw topics take JSON whatever was there before. Throws ENCODE_FAILED where the topic cannot hold it. */
export function writeValue({ serdes, topics }: ValueReader, topicName: string, value: unknown): Buffer {
  const topic = topics.get(topicName);
  if (topic === undefined || topic.format.kind === 'bytes') return Buffer.from(JSON.stringify(value));
  return serdes.of(topic).encode(value);
}
