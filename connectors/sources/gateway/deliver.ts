import { FreshetError } from '../../../runtime/errors.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';
import type { Rejected } from '../../../runtime/record.ts';
import type { KafkaGate } from './kafka-gate.ts';
import type { GatewayLimits } from './limits.ts';
import type { RecordBatch } from './records.ts';
import { refuse, type Refusal } from './refusal.ts';

export interface Outlets {
  readonly producer: Producer;
  readonly topicName: string;
  readonly reject: (rejected: Rejected) => Promise<void>;
  readonly gate: KafkaGate;
}

/** How many rejected records of one request are on their way at a time. */
const rejectsAtOnce = 32;

/** Kafka is away; the sender keeps its events. */
export function kafkaAway(limits: GatewayLimits): Refusal {
  const seconds = Math.max(1, Math.ceil(limits.retryAwayMs / 1000));
  return refuse(503, 'kafka_unavailable', 'the events could not be written; send them again later', seconds);
}

/**
 * Writes all of a request. Undefined when every record has been acknowledged and every rejected one recorded; otherwise
 * nothing is promised and the sender must send all of it again, which de-duplication by message id makes harmless.
 */
export async function deliver(
  batches: readonly RecordBatch[],
  rejected: Iterable<Rejected>,
  outlets: Outlets,
  limits: GatewayLimits,
): Promise<Refusal | undefined> {
  const { producer, topicName, gate } = outlets;
  const send = async ({ partition, records }: RecordBatch): Promise<void> => {
    await producer.send({ topic: topicName, partition, records }, { timeoutMs: limits.produceTimeoutMs });
    gate.acknowledge();
  };
  const write = async (): Promise<Refusal | undefined> => {
    const recorded = recordAll(rejected, outlets.reject).then(
      () => true,
      () => false,
    );
    const results = await Promise.allSettled(batches.map(send));
    const reasons: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    const fault = reasons.find((reason) => !isTooLarge(reason));
    if (fault !== undefined) throw asError(fault);
    if (!(await recorded)) return kafkaAway(limits);
    return reasons.length === 0 ? undefined : refuse(413, 'event_too_large', 'an event is larger than the brokers take');
  };
  try {
    const result = await gate.pass(write);
    return result === 'shut' ? kafkaAway(limits) : result;
  } catch {
    return kafkaAway(limits);
  }
}

function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new FreshetError('PRODUCE_FAILED', 'a write failed', { cause: fault });
}

function isTooLarge(error: unknown): boolean {
  return error instanceof FreshetError && error.code === 'RECORD_TOO_LARGE';
}

async function recordAll(rejected: Iterable<Rejected>, reject: Outlets['reject']): Promise<void> {
  const waiting = rejected[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await reject(next.value);
  };
  await Promise.all(Array.from({ length: rejectsAtOnce }, work));
}
