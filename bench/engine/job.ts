import type { Producer } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import type { TopicSpec } from '../../runtime/topic.ts';

/** The same for all that are measured: how the events look, and over what they are spread. */
export const PARTITIONS = 4;
export const KEYS = 50_000;
/** Of the JSON of an event. */
export const EVENT_BYTES = 315;

export interface Event {
  readonly type: string;
  readonly event: string;
  readonly userId: string;
  readonly timestamp: string;
  readonly properties: { readonly total: number; readonly currency: string; readonly products: readonly object[] };
  readonly context: { readonly ip: string; readonly userAgent: string };
}

/** What is kept for a key. */
export interface Sum {
  readonly count: number;
  readonly sum: number;
  readonly last: Event['context'];
}

/** What is written for an event. */
export interface Counted {
  readonly a: string;
  readonly u: string;
  readonly n: number;
}

/** The one argument of a program of ours, as JSON. */
export interface EngineSettings {
  readonly brokers: readonly string[];
  readonly prefix: string;
  readonly dataDir: string;
}

export const IN = 'engine.in';
/** Of names that the programs do not choose themselves. */
export const outTopic = (prefix: string): string => `${prefix}out`;

export function topicSpec(name: string, config: Readonly<Record<string, string>> = {}): TopicSpec {
  return { name, partitions: PARTITIONS, config: { 'retention.ms': '-1', ...config } };
}

export const keyOf = (i: number): string => `u${(i * 7919) % KEYS}`;
/** In quarters, so that sums are exact in any order. */
export const totalOf = (i: number): number => (i % 400) / 4;

function eventOf(i: number): Buffer {
  const event = (userAgent: string): string =>
    JSON.stringify({
      type: 'track',
      event: 'Order Completed',
      userId: keyOf(i),
      timestamp: new Date(1_760_000_000_000 + i).toISOString(),
      properties: { total: totalOf(i), currency: 'EUR', products: [{ id: 1 }, { id: 2 }] },
      context: { ip: '192.0.2.4', userAgent },
    } satisfies Event);
  const bare = event('').length;
  return Buffer.from(event('Mozilla/5.0 '.repeat(20).slice(0, EVENT_BYTES - bare)));
}

/** Writes the events 0 to `count` to the input topic. */
export async function fill(producer: Producer, count: number): Promise<void> {
  const atOnce = 20_000;
  for (let from = 0; from < count; from += atOnce) {
    const batches = Array.from({ length: PARTITIONS }, (): ProduceRecord[] => []);
    for (let i = from; i < Math.min(count, from + atOnce); i++) {
      const key = Buffer.from(keyOf(i));
      batches[partitionFor(key, PARTITIONS)]?.push({ key, value: eventOf(i) });
    }
    await Promise.all(batches.map((records, partition) => producer.send({ topic: IN, partition, records })));
  }
}
