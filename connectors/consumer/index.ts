import { connectKafka, type KafkaOptions } from '../../runtime/kafka/connect.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { connectRegistry, type RegistryOptions } from '../../schemas/registry/confluent.ts';
import type { Registry } from '../../schemas/registry/registry.ts';
import { changesOf } from './changes.ts';
import { membersOf } from './members.ts';

/** A place in the changes: the next offset of each partition, by its number. Plain data, to be kept as JSON. */
export type ChangesPosition = Readonly<Record<string, number>>;

/** Somebody who belongs: since when in event time (null: from before this was kept), and by which of his changes. */
export interface Member {
  readonly since: number | null;
  readonly sequence: number;
}

export interface Members {
  /** By customer id: exactly those who belong as of `position`. */
  readonly members: ReadonlyMap<string, Member>;
  readonly position: ChangesPosition;
}

/** A change, and the place behind it: kept with what was done about the change, nothing is done twice and nothing left out. */
export interface DeliveredChange {
  readonly change: MembershipChange;
  readonly position: ChangesPosition;
}

export interface SegmentReader {
  /** Reads who belongs, and waits for no change. */
  members(): Promise<Members>;
  /**
   * The changes from a place on, in order per customer, for ever, or until `signal` aborts. Each is handed out once; whoever goes on
   * from a place that he kept too early gets the same again, with the same id and sequence. OFFSET_OUT_OF_RANGE: the place is older
   * than what is kept; begin with `members` again.
   */
  changes(from: ChangesPosition, options?: { readonly signal?: AbortSignal }): AsyncIterable<DeliveredChange>;
}

/** What a reader stands on. */
export interface ConsumerGround {
  readonly kafka: Kafka;
  readonly registry: Registry;
  /** Put before the names of topics by the deployment. */
  readonly prefix?: string;
}

export interface ConsumerOptions extends Omit<KafkaOptions, 'clientId' | 'replicationFactor'> {
  readonly clientId?: string;
  readonly registry: RegistryOptions;
  readonly prefix?: string;
}

export interface Consumer {
  /** Of one segment, by its name. */
  segment(name: string): SegmentReader;
  close(): Promise<void>;
}

/** Connects to a deployment as one who reads it; writes nothing, and needs no group. BROKER_UNAVAILABLE when nobody answers. */
export async function connectConsumer({ registry, prefix, ...options }: ConsumerOptions): Promise<Consumer> {
  const kafka = await connectKafka({ clientId: 'freshet-consumer', ...options });
  const ground = { kafka, registry: connectRegistry(registry), ...(prefix === undefined ? {} : { prefix }) };
  return { segment: (name) => readSegment(ground, name), close: () => kafka.close() };
}

/** As `connectConsumer(…).segment(name)`, over connections that are there. */
export function readSegment(ground: ConsumerGround, name: string): SegmentReader {
  return {
    members: () => membersOf(ground, name),
    changes: (from, { signal } = {}) => changesOf(ground, name, from, signal),
  };
}
