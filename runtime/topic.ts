/** Turns values into bytes and back; both directions are synchronous. */
export interface Serde<V> {
  encode(value: V): Buffer;
  /** Throws FreshetError DECODE_FAILED. */
  decode(bytes: Buffer): V;
  /**
   * Called before `decode` for every value of a batch: fetches what decoding needs (a writer schema not seen before).
   * Returns undefined when nothing is missing, which is the steady state. Rejects with REGISTRY_UNAVAILABLE (retryable)
   * when the registry is away, and resolves when it answered "unknown": decode then throws.
   */
  prepare?(bytes: Buffer): Promise<void> | undefined;
}

/** Finds the serde of a declared topic. */
export interface SerdeSource {
  of<V>(topic: Topic<V>): Serde<V>;
}

/** What happens to old records. Milliseconds; -1 keeps for ever. */
export type Retention =
  | { readonly kind: 'delete'; readonly retentionMs: number }
  | { readonly kind: 'compact'; readonly maxCompactionLagMs?: number; readonly deleteRetentionMs?: number };

/** The declaration of a topic. `V` is the type of its decoded values; `name` is logical, a deployment may prefix it. */
export interface Topic<V = unknown> {
  readonly name: string;
  /** Name of the value schema in the registry, or how the value is written otherwise. */
  readonly format: { readonly kind: 'avro'; readonly schema: string } | { readonly kind: 'json' | 'msgpack' | 'bytes' };
  /** What the key is, in words; for the docs. */
  readonly key: string;
  /** Partition count; `shared` is the deployment's number, the same for all co-partitioned topics. */
  readonly partitions: 'shared' | number;
  readonly retention: Retention;
  /** `append`: the broker stamps records (LogAppendTime). */
  readonly timestamps: 'create' | 'append';
  /** Internal topics are no contract for others. */
  readonly internal: boolean;
  readonly doc: string;
  /** Carries the type only; never set. */
  readonly _value?: V;
}

/** Everything an admin needs to create a topic, by physical name. */
/** Largest value that a processor may send, bytes: below what topics of ours take with everything around it. */
export const MAX_VALUE_BYTES = 4 * 1024 * 1024 - 256 * 1024;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor?: number;
  readonly config: Readonly<Record<string, string>>;
}
