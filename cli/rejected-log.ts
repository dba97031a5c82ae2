import type { Names } from '../runtime/environment.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import { header, type RawRecord, type Rejected } from '../runtime/record.ts';
import { REPLAY_OF } from '../runtime/replay.ts';
import type { SerdeSource } from '../runtime/topic.ts';
import { topics } from '../schemas/topics.ts';
import { scanTopic, type Verdict } from './scan.ts';

/** Where rejected records lie. */
export interface RejectedLog {
  readonly kafka: Kafka;
  readonly serdes: SerdeSource;
  readonly names: Names;
}

/** Which rejected records are meant; what is left out does not matter. */
export interface RejectedFilter {
  /** As `id` of an entry, or `topic/partition/offset` of the original record. */
  readonly ids?: ReadonlySet<string>;
  /** Topic of the original record. */
  readonly topic?: string;
  readonly source?: string;
  readonly processor?: string;
  readonly step?: string;
  /** Part of the reason, case does not matter. */
  readonly reason?: string;
  /** Bounds of the time of rejection, epoch milliseconds, inclusive. */
  readonly since?: number;
  readonly until?: number;
}

/** A rejected record as it lies on events.rejected. */
export interface RejectedEntry {
  /** `partition/offset` on events.rejected. */
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  /** Key under which it lies there. */
  readonly key: Buffer | null;
  readonly rejected: Rejected;
  /** When it was replayed, epoch milliseconds. */
  readonly replayedAt: number | undefined;
  /** The entry whose replay was refused again. */
  readonly replayOf: string | undefined;
}

const marks = 'replayed';

/** `topic/partition/offset` of the original record; undefined where it never lay on a topic. */
export function originOf({ topic, partition, offset }: Rejected): string | undefined {
  return offset < 0 ? undefined : `${topic}/${partition}/${offset}`;
}

/** The record that marks an entry as replayed: beside it, under its key, without a value; the header `replayed` is its offset. */
export function replayMark({ key, offset }: Pick<RejectedEntry, 'key' | 'offset'>): {
  key: Buffer | null;
  value: null;
  headers: Record<string, Buffer>;
} {
  return { key, value: null, headers: { [marks]: Buffer.from(String(offset)) } };
}

/**
 * Visits the entries that fit, in the order of partition and offset, up to the end that the topic has now. Reads it twice: marks of
 * replays lie behind what they mark.
 */
export async function visitRejected(
  { kafka, serdes, names }: RejectedLog,
  filter: RejectedFilter,
  visit: (entry: RejectedEntry) => void | Promise<void>,
): Promise<void> {
  const topic = names.topic(topics.eventsRejected.name);
  const serde = serdes.of(topics.eventsRejected);
  const replayed = new Map<string, number>();
  await scanTopic(kafka, topic, (record, { partition }) => {
    const offset = record.value === null ? header(record.headers, marks) : undefined;
    if (offset !== undefined) replayed.set(`${partition}/${offset}`, record.timestamp);
    return 'go on';
  });
  const decode = async (value: Buffer): Promise<Rejected> => {
    await serde.prepare?.(value);
    return serde.decode(value);
  };
  await scanTopic(kafka, topic, async (record: RawRecord, { partition }): Promise<Verdict> => {
    if (record.value === null) return 'go on';
    const rejected = await decode(record.value);
    const id = `${partition}/${record.offset}`;
    if (!fits(filter, id, rejected)) return 'go on';
    const before = rejected.headers[REPLAY_OF]?.toString('utf8');
    const entry = { id, partition, offset: record.offset, key: record.key, rejected, replayedAt: replayed.get(id) };
    await visit({ ...entry, replayOf: before });
    return 'go on';
  });
}

/** An id as people copy it: with or without the topic's name. */
export function readId(text: string): string {
  return text.trim().replace(new RegExp(`^(?:.*\\.)?${topics.eventsRejected.name.replace('.', '\\.')}/`), '');
}

function fits(filter: RejectedFilter, id: string, rejected: Rejected): boolean {
  const { ids, topic, source, processor, step, reason, since, until } = filter;
  const same = (wanted: string | undefined, found: string | null): boolean => wanted === undefined || wanted === found;
  return (
    (ids === undefined || ids.has(id) || ids.has(originOf(rejected) ?? id)) &&
    same(topic, rejected.topic) &&
    same(source, rejected.source) &&
    same(processor, rejected.processor) &&
    same(step, rejected.step) &&
    (reason === undefined || rejected.reason.toLowerCase().includes(reason.toLowerCase())) &&
    rejected.rejectedAt >= (since ?? Number.NEGATIVE_INFINITY) &&
    rejected.rejectedAt <= (until ?? Number.POSITIVE_INFINITY)
  );
}
