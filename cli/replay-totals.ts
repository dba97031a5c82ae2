import type { Registry as MetricsRegistry } from 'prom-client';
import type { Topic } from '../runtime/topic.ts';
import { topics } from '../schemas/topics.ts';
import { followTopic } from '../services/follow-topic.ts';
import type { Pipeline } from './pipeline.ts';
import { scanTopic } from './scan.ts';

/** What lies in a space: the outcome of all runs into it. */
export interface SpaceTotals {
  readonly segments: ReadonlyMap<string, { readonly members: number; readonly entered: number; readonly left: number }>;
  /** Messages that were not requested since history sends none, by activation. */
  readonly wouldSend: ReadonlyMap<string, number>;
  /** Messages that were not requested for another reason, by reason. */
  readonly withheld: ReadonlyMap<string, number>;
  /** Ids of the messages that were requested. */
  readonly requested: ReadonlySet<string>;
}

/** What processors of this process counted, by processor and kind; of those with a reason, by reason. */
export type ProcessorCounts = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, number>>>;

/** Reads the topics of decisions from their start to the end that they have now. */
export async function spaceTotals(space: Pick<Pipeline, 'kafka' | 'serdes' | 'names'>): Promise<SpaceTotals> {
  const members = new Map<string, Set<string>>();
  const entered = new Map<string, number>();
  const left = new Map<string, number>();
  await eachValue(space, topics.segmentsMembership, ({ segment, customer, change }) => {
    const now = members.get(segment) ?? new Set();
    members.set(segment, now);
    if (change === 'entered') now.add(customer);
    else now.delete(customer);
    add(change === 'entered' ? entered : left, segment);
  });
  const wouldSend = new Map<string, number>();
  const withheld = new Map<string, number>();
  await eachValue(space, topics.activationsWithheld, ({ activation, decision, reason }) => {
    if (decision === 'would-send') add(wouldSend, activation);
    else add(withheld, reason);
  });
  const requested = new Set<string>();
  await eachValue(space, topics.activationsRequested, ({ id }) => void requested.add(id));
  const segments = [...members]
    .map(([segment, now]) => {
      const moves = { entered: entered.get(segment) ?? 0, left: left.get(segment) ?? 0 };
      return [segment, { members: now.size, ...moves }] as const;
    })
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return { segments: new Map(segments), wouldSend, withheld, requested };
}

/** Message ids of the records in a raw topic. */
export async function messageIdsIn({ kafka }: Pick<Pipeline, 'kafka'>, rawTopic: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  await scanTopic(kafka, rawTopic, ({ headers }) => {
    const id = headers['message-id']?.toString('utf8');
    if (id !== undefined) ids.add(id);
    return 'go on';
  });
  return ids;
}

/** What the processors counted so far. The kinds `in` and `rejected` are records, all others are theirs. */
export async function processorCounts(metrics: MetricsRegistry): Promise<ProcessorCounts> {
  const counts = new Map<string, Map<string, Map<string, number>>>();
  const count = (processor: string, kind: string, reason: string, by: number): void => {
    const kinds = counts.get(processor) ?? new Map<string, Map<string, number>>();
    const reasons = kinds.get(kind) ?? new Map<string, number>();
    counts.set(processor, kinds.set(kind, reasons.set(reason, (reasons.get(reason) ?? 0) + by)));
  };
  const values = async (name: string) => (await metrics.getSingleMetric(name)?.get())?.values ?? [];
  for (const { labels, value } of await values('freshet_records_total')) {
    if (labels['direction'] !== 'out') count(String(labels['processor']), String(labels['direction']), '', value);
  }
  for (const { labels, value } of await values('freshet_processor_events_total'))
    count(String(labels['processor']), String(labels['kind']), String(labels['reason'] ?? ''), value);
  return counts;
}

/** Every value that the topic has now, in the order of each partition. */
async function eachValue<V>(
  { kafka, serdes, names }: Pick<Pipeline, 'kafka' | 'serdes' | 'names'>,
  topic: Topic<V>,
  onValue: (value: V) => void,
): Promise<void> {
  const reader = kafka.reader();
  const found = { topic: names.topic(topic.name), serde: serdes.of(topic), from: 'start' as const };
  const follower = followTopic({ kafka, reader, ...found, onValue: (value, _, live) => (live ? undefined : onValue(value)) });
  await follower.caughtUp;
  follower.close();
  await reader.close();
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
