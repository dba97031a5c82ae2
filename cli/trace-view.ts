import { readHops } from '../runtime/hops.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import { header, type RawRecord } from '../runtime/record.ts';
import type { Names } from '../runtime/environment.ts';
import type { Topic } from '../runtime/topic.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { Serdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { becauseOf } from '../services/status-fold.ts';
import type { Trace, TraceHop, TraceView, Why, WhyView } from '../services/views.ts';
import { allTopics } from './pipeline.ts';
import { scanTopic } from './scan.ts';

export interface LookUpOptions {
  readonly kafka: Kafka;
  readonly serdes: Serdes;
  readonly names: Names;
  readonly sources: readonly SourceConfig[];
}

interface Sighting {
  readonly topic: string;
  readonly partition: number;
  readonly record: RawRecord;
}

/** Topics after the raw ones in which an event leaves a mark under the header `message-id`. */
const walked = [
  topics.eventsTagged,
  topics.eventsIdentified,
  topics.eventsRejected,
  topics.identityChanges,
  topics.segmentsMembership,
  topics.profilesChanges,
  topics.activationsRequested,
  topics.activationsWithheld,
  topics.fraudAlerts,
] as const;

/** Where an event is and what it changed, by reading the topics; takes as long as they are. */
export function traceView(options: LookUpOptions): TraceView {
  return {
    trace: async (messageId) => {
      const raw = allTopics(options.sources).filter(
        (topic) => topic.name === topics.eventsRaw.name || topic.name.startsWith('raw.'),
      );
      const sightings: Sighting[] = [];
      for (const topic of [...raw, ...walked]) {
        await scanTopic(options.kafka, options.names.topic(topic.name), (record, { partition }) => {
          if (header(record.headers, 'message-id') === messageId) sightings.push({ topic: topic.name, partition, record });
          return 'go on';
        });
      }
      return sightings.length === 0 ? undefined : traceOf(messageId, sightings, options.serdes);
    },
  };
}

function traceOf(messageId: string, sightings: readonly Sighting[], serdes: Serdes): Trace {
  const of = <V>(topic: Topic<V>): V[] =>
    sightings.flatMap(({ topic: name, record }) =>
      name === topic.name && record.value ? [serdes.of(topic).decode(record.value)] : [],
    );
  const [identified] = of(topics.eventsIdentified);
  const [tagged] = of(topics.eventsTagged);
  const [rejected] = of(topics.eventsRejected);
  const changed = [
    ...of(topics.identityChanges).map((change) => `identity: ${change.kind} ${change.customer}: ${change.reason}`),
    ...of(topics.profilesChanges).map((change) => `trait ${change.trait} took a new value`),
    ...of(topics.segmentsMembership).map(
      (change) => `${change.change} segment ${change.segment} (change ${change.sequence} of the customer)`,
    ),
    ...of(topics.activationsRequested).map(
      (request) => `message ${request.activation} requested over ${request.channel} (${request.id})`,
    ),
    ...of(topics.activationsWithheld).map(
      (withheld) => `message ${withheld.activation} ${withheld.decision}: ${withheld.reason}`,
    ),
    ...of(topics.fraudAlerts).map((alert) => `fraud alert ${alert.rule}: ${alert.reason}`),
    ...of(topics.eventsRejected).map((record) => `rejected at ${record.processor} (${record.step}): ${record.reason}`),
  ];
  return {
    messageId,
    source: tagged?.source ?? rejected?.source ?? header(sightings[0]?.record.headers ?? {}, 'source') ?? 'unknown',
    event: tagged?.event ?? 'unknown',
    customer: identified?.customer ?? null,
    state: identified ? 'accepted' : rejected ? 'rejected' : tagged ? 'tagged' : 'received',
    hops: hopsOf(sightings),
    changed,
  };
}

/** Each hop once, where its record lies, with the time since the hop before. */
function hopsOf(sightings: readonly Sighting[]): TraceHop[] {
  const hops: TraceHop[] = [];
  for (const { topic, partition, record } of sightings) {
    const stamps = readHops(header(record.headers, 'hops'));
    const last = stamps.at(-1);
    if (!last || hops.some(({ hop }) => hop === last.hop)) continue;
    hops.push({
      hop: last.hop,
      at: last.at,
      ms: last.at - (stamps.at(-2)?.at ?? last.at),
      topic,
      partition,
      offset: record.offset,
    });
  }
  return hops.sort((one, other) => one.at - other.at);
}

/** Why a message was sent or not: the request and its newest outcome, or the record of its being withheld. */
export function whyView({ kafka, serdes, names }: LookUpOptions): WhyView {
  const find = async <V extends { readonly id: string }>(topic: Topic<V>, id: string): Promise<V | undefined> => {
    let found: V | undefined;
    const serde = serdes.of(topic);
    const wanted = Buffer.from(id);
    await scanTopic(kafka, names.topic(topic.name), ({ value }) => {
      if (!value?.includes(wanted)) return 'go on';
      const decoded = serde.decode(value);
      if (decoded.id === id) found = decoded;
      return 'go on';
    });
    return found;
  };
  return {
    why: async (requestId): Promise<Why | undefined> => {
      const request = await find(topics.activationsRequested, requestId);
      if (request) {
        const outcome = await find(topics.activationsOutcomes, requestId);
        return {
          id: requestId,
          activation: request.activation,
          segment: request.segment,
          channel: request.channel,
          status: outcome?.status ?? 'requested',
          reason: outcome?.reason ?? '',
          because: request.reason,
          requestedAt: request.requestedAt,
          detail: becauseOf(request.cause, request.proof),
        };
      }
      const withheld = await find(topics.activationsWithheld, requestId);
      if (!withheld) return undefined;
      return {
        id: requestId,
        activation: withheld.activation,
        segment: withheld.segment,
        channel: '',
        status: withheld.decision,
        reason: withheld.reason,
        because: `gate ${withheld.gate}`,
        requestedAt: null,
        detail: becauseOf(withheld.cause, withheld.proof),
      };
    },
  };
}
