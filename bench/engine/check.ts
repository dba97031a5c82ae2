import type { Kafka } from '../../runtime/kafka/contract.ts';
import { tpKey, type RawRecord } from '../../runtime/record.ts';
import { decodeCell, POSITION_ID, splitId } from '../../runtime/state/layout.ts';
import { type Counted, keyOf, PARTITIONS, type Sum, totalOf } from './job.ts';

/** What every contender must have come to, by key. */
export function expected(events: number): Map<string, { count: number; sum: number }> {
  const all = new Map<string, { count: number; sum: number }>();
  for (let i = 0; i < events; i++) {
    const key = keyOf(i);
    const sum = all.get(key) ?? { count: 0, sum: 0 };
    all.set(key, sum);
    sum.count += 1;
    sum.sum += totalOf(i);
  }
  return all;
}

/** Hands over every committed record of a topic up to its end. */
async function readAll(kafka: Kafka, topic: string, each: (record: RawRecord) => void): Promise<void> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
  const ends = await kafka.admin.endOffsets(all);
  const starts = await kafka.admin.startOffsets(all);
  const reader = kafka.reader();
  for (const at of all) {
    const id = tpKey(topic, at.partition);
    let wake: () => void = () => undefined;
    const stream = reader.open(at, starts.get(id) ?? 0, { notify: () => wake() });
    while (stream.position < (ends.get(id) ?? 0)) {
      const records = stream.take(10_000);
      records.forEach(each);
      if (records.length === 0) await new Promise<void>((resolve) => ((wake = resolve), stream.queued > 0 && resolve()));
      if (stream.error) throw stream.error;
    }
    stream.close();
  }
  await reader.close();
}

export interface CheckedTopics {
  readonly out: string;
  readonly changelog: string;
  readonly state: 'ours' | 'json';
}

/** Throws unless there is one output for each event, counted without gaps, and every state in the changelog is right. */
export async function check(kafka: Kafka, topics: CheckedTopics, events: number): Promise<void> {
  const wanted = expected(events);
  const counts = new Map<string, number>();
  await readAll(kafka, topics.out, ({ key, value }) => {
    const { n } = JSON.parse(value?.toString() ?? '') as Counted;
    const id = key?.toString() ?? '';
    if (n !== (counts.get(id) ?? 0) + 1) throw new Error(`${topics.out}: after ${counts.get(id) ?? 0} came ${n} of ${id}`);
    counts.set(id, n);
  });
  const states = new Map<string, Sum>();
  await readAll(kafka, topics.changelog, ({ key, value }) => {
    const text = key?.toString() ?? '';
    if (!value || text === POSITION_ID) return;
    if (topics.state === 'ours') states.set(splitId(text).key, decodeCell(value).value as Sum);
    else states.set(text, JSON.parse(value.toString()) as Sum);
  });
  for (const [key, { count, sum }] of wanted) {
    const state = states.get(key);
    if (counts.get(key) !== count || state?.count !== count || state.sum !== sum) {
      const found = `${counts.get(key)} outputs, state ${state?.count} and ${state?.sum}`;
      throw new Error(`${topics.out}: ${key} has ${found} instead of ${count} and ${sum}`);
    }
  }
}
