import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { tpKey } from '../../../runtime/record.ts';
import type { Topic } from '../../../runtime/topic.ts';
import { connectRegistry } from '../../../schemas/registry/confluent.ts';
import { createSerdes } from '../../../schemas/serdes.ts';
import { rawTopic, topics } from '../../../schemas/topics.ts';
import { openTopic, type Printed } from '../console-reader.ts';
import { happenings } from '../events.ts';
import { hashOf, type HandedOut, type LiveHistory } from '../live-history.ts';
import { PARTITIONS, processorNames } from '../settings.ts';
import { Counts } from './counts.ts';
import { HopsJudge } from './hops.ts';
import { judgeIdentity } from './identity.ts';
import { MembershipJudge } from './membership.ts';
import { RawLog, routes } from './raw-log.ts';
import { judgeState } from './state.ts';

export interface JudgeOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly live: LiveHistory;
  readonly seed: number;
  readonly events: number;
  readonly ackedAfter: Float64Array;
  readonly roots: readonly string[];
  readonly say: (line: string) => void;
}

export interface Verdict {
  readonly counts: Counts;
  /** Records of all topics that were compared with something. */
  readonly records: number;
}

/** Recomputes from the raw topics alone what every other topic and every store must hold. All processes must have ended in order. */
export async function judge(options: JudgeOptions): Promise<Verdict> {
  const { brokers, kafka, prefix, live, seed, events, ackedAfter, say } = options;
  const counts = new Counts();
  const serdes = createSerdes({ registry: connectRegistry({ url: options.registryUrl }), prefix });
  const log = new RawLog();
  const hops = new HopsJudge(log, counts);
  const memberships = new MembershipJudge(counts);
  const alerts = new Set<string>();
  let records = 0;

  const open = await openAll(brokers, live, await kafka.admin.endOffsets(live.partitions));
  const read = async (topic: Topic, take: Take): Promise<void> => {
    const count = await compared(prefix + topic.name, open, live, counts, take);
    records += count;
    say(`${topic.name}: ${count} records`);
  };
  const decoded = async <V>(topic: Topic<V>, take: (value: V, row: Place) => void): Promise<void> => {
    const serde = serdes.of(topic);
    const prepared = new Set<string>();
    await read(topic, (row) => {
      const decode = (): void => take(serde.decode(row.value), { ...row, key: row.key.toString('utf8') });
      const schema = row.value.toString('hex', 0, 5);
      if (prepared.has(schema)) return decode();
      prepared.add(schema);
      return Promise.resolve(serde.prepare?.(row.value)).then(decode);
    });
  };

  for (const route of routes) await read(route === 'web' ? topics.eventsRaw : rawTopic('till'), (row) => log.take(route, row));
  await decoded(topics.eventsTagged, (event, place) => hops.tagged(place, event));
  await decoded(topics.eventsRejected, (rejected) => hops.rejected(rejected));
  await decoded(topics.eventsIdentified, (record, place) => hops.identified(place, record));
  hops.finish();
  judgeAcknowledged(log, hops, ackedAfter, seed, events, counts);
  judgeIdentity(log, hops, counts);
  await decoded(topics.segmentsMembership, (change) => memberships.change(change));
  await decoded(topics.activationsRequested, (request) => memberships.activation('requested', request));
  await decoded(topics.activationsWithheld, (withheld) => memberships.activation('withheld', withheld));
  await decoded(topics.profilesChanges, (change) => memberships.trait(change));
  memberships.finish(log, hops, ackedAfter);
  await decoded(topics.fraudAlerts, ({ id }) => {
    if (alerts.has(id)) counts.add('duplicated', 'an alert', id);
    alerts.add(id);
  });
  const { roots } = options;
  const parts = await judgeState({ kafka, prefix, processors: processorNames, partitions: PARTITIONS, roots }, counts);
  say(`${hops.mergedInto.size} merges, ${memberships.changes} changes of membership, ${parts} parts of state`);
  return { counts, records };
}

type Take = (row: Printed) => void | Promise<void>;

interface Place {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
}

/** A console consumer for each topic that is not empty, all of them at once: they wait until they are read. */
async function openAll(
  brokers: readonly string[],
  live: LiveHistory,
  ends: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, AsyncIterable<Printed>>> {
  const topics = Map.groupBy(live.partitions, ({ topic }) => topic);
  const open = new Map<string, AsyncIterable<Printed>>();
  for (const [topic, partitions] of topics) {
    const handed = partitions.map(({ partition }) => live.handed.get(tpKey(topic, partition))?.offsets.length ?? 0);
    const isEmpty = partitions.every(({ partition }) => ends.get(tpKey(topic, partition)) === 0);
    if (!isEmpty)
      open.set(
        topic,
        await openTopic(
          brokers,
          topic,
          handed.reduce((sum, count) => sum + count, 0),
        ),
      );
  }
  return open;
}

/** Reads a topic with Kafka's own client, and compares it with what our reader was handed meanwhile. */
async function compared(
  topic: string,
  open: ReadonlyMap<string, AsyncIterable<Printed>>,
  live: LiveHistory,
  counts: Counts,
  take: Take,
): Promise<number> {
  const handed = Array.from({ length: PARTITIONS }, (_, partition) => live.handed.get(tpKey(topic, partition)) ?? nothing());
  const next = handed.map(() => 0);
  let count = 0;
  for (const { repeated } of handed) counts.add('duplicated', 'handed out twice by our reader', topic, repeated);
  for await (const row of open.get(topic) ?? []) {
    const { partition, offset } = row;
    const { offsets, hashes } = handed[partition] ?? nothing();
    let at = next[partition] ?? 0;
    for (; (offsets[at] ?? Number.POSITIVE_INFINITY) < offset; at++)
      counts.add('aborted-reads', 'handed out, never committed', `${topic}-${partition} ${offsets[at] ?? ''}`);
    if (offsets[at] !== offset) counts.add('lost', 'committed, not handed out by our reader', `${topic}-${partition} ${offset}`);
    else if (hashes[at++] !== hashOf(row.key, row.value))
      counts.add('aborted-reads', 'two records at one offset', `${topic}-${partition} ${offset}`);
    next[partition] = at;
    count += 1;
    const pending = take(row);
    if (pending !== undefined) await pending;
  }
  for (const [partition, { offsets }] of handed.entries())
    counts.add('aborted-reads', 'handed out, never committed', `${topic}-${partition}`, offsets.length - (next[partition] ?? 0));
  return count;
}

function nothing(): HandedOut {
  return { offsets: [], hashes: [], repeated: 0 };
}

/** Whatever was acknowledged must be in the raw topics, or recorded as refused by the gateway. */
function judgeAcknowledged(
  log: RawLog,
  hops: HopsJudge,
  ackedAfter: Float64Array,
  seed: number,
  events: number,
  counts: Counts,
): void {
  const source = happenings(seed);
  for (let index = 0; index < events; index++) {
    const { poison, id } = source.next().value;
    if (Number.isNaN(ackedAfter[index])) continue;
    if (poison === undefined && log.events[index] === undefined) counts.add('lost', 'acknowledged, not in the log', id);
    if (poison === 'gateway' && !hops.refusedByGateway.has(index)) counts.add('lost', 'refused by the gateway, not recorded', id);
  }
  for (const event of log.events)
    if (event !== undefined && !(event.index < events)) counts.add('duplicated', 'in the log, never sent', `e${event.index}`);
}
