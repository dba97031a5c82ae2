import type { Decoder, Encoder } from './kafkajs.ts';

/** One API call in one version of the protocol. Requests are written for Kafka 2.4 to 4.x. */
export interface ApiRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly encode: (to: Encoder) => void;
  readonly decode: (from: Decoder) => T;
  /** It changes nothing, so that a lost answer is no loss. */
  readonly readOnly?: true;
  /** How long the broker may take on purpose (a long poll, a join), on top of the request time-out. Milliseconds. */
  readonly waits?: number;
}

/** An array on the wire. */
export function writeArray<T>(to: Encoder, items: readonly T[], write: (to: Encoder, item: T) => void): void {
  to.writeInt32(items.length);
  for (const item of items) write(to, item);
}

/** Groups topic partitions as most requests want them. */
export function byTopic<T extends { readonly topic: string }>(items: readonly T[]): readonly (readonly [string, readonly T[]])[] {
  return [...Map.groupBy(items, (item) => item.topic)];
}
