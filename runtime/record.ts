/** Header values are bytes on the wire; ours are UTF-8 text. Of a repeated name the last one counts. */
export type Headers = Readonly<Record<string, Buffer>>;

export const noHeaders: Headers = Object.freeze(Object.create(null) as Record<string, Buffer>);

/** A header as text, or undefined. */
export function header(headers: Headers, name: string): string | undefined {
  return headers[name]?.toString('utf8');
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `topic-3`: the key under which maps hold a topic partition. */
export function tpKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** A record as it lies in a partition. `timestamp` is epoch milliseconds: the broker's append time where the topic says LogAppendTime. */
export interface RawRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
  readonly timestamp: number;
  readonly offset: number;
  /** Set where a batch is whole but cannot be read: why. It stands for all records of the batch, whose bytes are the value. */
  readonly unreadable?: string;
}

/** A record to be written. */
export interface ProduceRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Headers;
  /** Epoch milliseconds; the producer's clock when left out. */
  readonly timestamp?: number;
}

/** A decoded record as a processor sees it. A null key is the empty string. A null value (tombstone) is `null`. */
export interface StreamRecord<V = unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string;
  readonly value: V;
  readonly headers: Headers;
}

/** What goes to the rejected topic: enough to repair and to replay it. */
export interface Rejected {
  /** Where it was read, by logical topic name (without the deployment's prefix). */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Processor that refused it. */
  readonly processor: string;
  readonly step: 'decode' | 'transform' | 'validate' | 'process';
  /** Why, in a sentence that names the place and what was expected; holds no personal data. */
  readonly reason: string;
  readonly source: string | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer>;
  /** Of the record that was refused, epoch milliseconds; null where it was not known. */
  readonly timestamp: number | null;
  readonly rejectedAt: number;
}
