import { foldRecords } from '../runtime/handover-seed.ts';
import type { HandoverMessage, SeedWish } from '../runtime/handover.ts';
import type { Kafka, Producer } from '../runtime/kafka/contract.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { Processor } from '../runtime/processor.ts';
import { noHeaders, type StreamRecord } from '../runtime/record.ts';
import type { SerdeSource, Topic } from '../runtime/topic.ts';
import type { IdentityRules } from '../processors/stitch-identity/identity.ts';
import { Lineage, sharesOfEvent } from '../processors/stitch-identity/lineage.ts';
import type { IdentifiedEvent } from '../schemas/generated/types.ts';
import { topics } from '../schemas/topics.ts';
import { scanTopic, type Verdict } from './scan.ts';

/** What the heirs of a divided customer were given; replaces the wish on the topic of seeds. */
export interface SeedResult {
  readonly kind: 'done';
  readonly processor: string;
  readonly from: string;
  /** Events folded, by heir. */
  readonly events: Readonly<Record<string, number>>;
  /** Event time of the first of them; null: there were none. */
  readonly first: number | null;
}

export interface SeederOptions {
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, 'send'>;
  readonly serdes: SerdeSource;
  /** Physical name of a topic. */
  readonly topicName: (topic: Topic) => string;
  readonly partitions: number;
  /** Processors that hand their state over. */
  readonly processors: readonly Processor[];
  readonly rules: IdentityRules;
  readonly secret: string;
}

/**
 * Gives the heirs of divided customers what is theirs: folds the retained events of the customer and of all who had merged into it,
 * for each heir those that are his, with the processor's own code. Reads the history twice. Whatever stops it, it can begin again:
 * an heir takes the first seed only, and a seed is always the same, as nothing is added to a customer who has ended.
 */
export async function seed(wishes: readonly SeedWish[], options: SeederOptions): Promise<readonly SeedResult[]> {
  if (wishes.length === 0) return [];
  const { kafka, serdes, topicName, rules, secret } = options;
  const serde = serdes.of(topics.eventsIdentified);
  const visit = async (each: (value: IdentifiedEvent, at: { partition: number; offset: number; timestamp: number }) => void) =>
    scanTopic(kafka, topicName(topics.eventsIdentified), async (record, { partition }): Promise<Verdict> => {
      if (record.value === null) return 'go on';
      await serde.prepare?.(record.value);
      each(serde.decode(record.value), { partition, offset: record.offset, timestamp: record.timestamp });
      return 'go on';
    });
  const lineage = new Lineage();
  await visit(({ marker }) => void (marker && lineage.take(marker)));
  const ended = new Set(wishes.map(({ from }) => from));
  /** By ended customer and heir. */
  const shares = new Map<string, StreamRecord[]>();
  await visit((value, { partition, offset, timestamp }) => {
    for (const { from, heir, value: past } of sharesOfEvent(value, lineage, ended, { rules, secret })) {
      const key = `${from}/${heir}`;
      const record = {
        topic: topics.eventsIdentified.name,
        partition,
        offset,
        timestamp,
        key: heir,
        value: past,
        headers: noHeaders,
      };
      const known = shares.get(key);
      if (known) known.push(record);
      else shares.set(key, [record]);
    }
  });
  const results: SeedResult[] = [];
  for (const wish of wishes) results.push(await fulfil(wish, (heir) => shares.get(`${wish.from}/${heir}`) ?? [], options));
  return results;
}

async function fulfil(
  { processor: name, from, heirs, parts }: SeedWish,
  share: (heir: string) => readonly StreamRecord[],
  options: SeederOptions,
): Promise<SeedResult> {
  const processor = options.processors.find((each) => each.name === name);
  const events: Record<string, number> = {};
  let first: number | null = null;
  for (const heir of heirs) {
    const records = share(heir);
    for (const { value } of records) {
      const at = (value as IdentifiedEvent).event?.occurredAt ?? null;
      if (at !== null && (first === null || at < first)) first = at;
    }
    events[heir] = records.length;
    const folded = processor ? foldRecords(processor, records) : {};
    const message: HandoverMessage = { kind: 'seed', processor: name, from, parts: { ...folded, ...parts } };
    await send(topics.customersLoop, heir, message, options);
  }
  const result: SeedResult = { kind: 'done', processor: name, from, events, first };
  await send(topics.customersSeeds, `${name}/${from}`, result, options);
  return result;
}

async function send<V>(topic: Topic<V>, key: string, value: V, options: SeederOptions): Promise<void> {
  const { producer, serdes, topicName, partitions } = options;
  const record = { key: Buffer.from(key), value: serdes.of(topic).encode(value) };
  await producer.send({ topic: topicName(topic), partition: partitionFor(key, partitions), records: [record] });
}

/** Wishes that nobody has fulfilled yet. */
export async function openWishes(options: Pick<SeederOptions, 'kafka' | 'serdes' | 'topicName'>): Promise<readonly SeedWish[]> {
  const open = new Map<string, SeedWish>();
  const serde = options.serdes.of(topics.customersSeeds);
  await scanTopic(options.kafka, options.topicName(topics.customersSeeds), ({ key, value }) => {
    const told = value && (serde.decode(value) as SeedWish | SeedResult);
    if (told?.kind === 'wish') open.set(key?.toString() ?? '', told);
    else open.delete(key?.toString() ?? '');
    return 'go on';
  });
  return [...open.values()];
}
