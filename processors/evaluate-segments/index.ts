import type { Context, Processor, Timer } from '../../runtime/processor.ts';
import { header, type StreamRecord } from '../../runtime/record.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { IdentifiedEvent, Position, TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { caseOf } from './case.ts';
import { reached } from './clocks.ts';
import { decideArrival, decideClock, type Arrival } from './decide.ts';
import { FIGURES, figuresReached, tellFigures } from './figures.ts';
import { handOver, type HandOver } from './hand-over.ts';
import { horizonOf, newestFacts, readLeaf, writeLeaf } from './leaf-part.ts';
import { MEMBERSHIPS, readMemberships, type Memberships } from './membership.ts';
import type { LeafEvent } from './operator.ts';
import { partsOf, planOf, type Plan, type PlannedSegment } from './plan.ts';
import { deviceZone, learn, PROFILE } from './profile.ts';
import { hopsOf } from './proof.ts';
import { ownTopics, publish } from './publish.ts';
import type { CompiledSegment } from './segment.ts';

export interface EvaluateSegmentsConfig {
  readonly segments: readonly CompiledSegment[];
  /** Sources of this deployment: each of them holds the clocks of the segments whose events it may carry until it has ended. */
  readonly sources: readonly SourceConfig[];
}

/**
 * Keeps each customer's profile and memberships. A membership is a function of event time; it is decided up to the clock of the
 * segment's sources, so that the published changes, folded, equal a recomputation from all events, in any order of arrival.
 */
export function evaluateSegments({ segments, sources }: EvaluateSegmentsConfig): Processor & HandOver {
  const plan = planOf(segments, sources);
  const users = (hashes: readonly string[]): ReadonlySet<PlannedSegment> =>
    new Set(hashes.flatMap((hash) => plan.users.get(hash) ?? []));
  return {
    name: 'evaluate-segments',
    inputs: [topics.eventsIdentified],
    outputs: [topics.segmentsMembership, topics.segmentsMembers, ...ownTopics(segments), topics.profilesChanges],
    upstream: ['stitch-identity'],
    parts: ({ value }) => {
      const { event } = value as IdentifiedEvent;
      if (event === null) return [];
      const touched = users(plan.listening.get(event.event) ?? []);
      const figures = plan.figures.length > 0 ? [FIGURES] : [];
      return [PROFILE, MEMBERSHIPS, ...figures, ...partsOf([...touched, ...plan.open])];
    },
    timerParts: ({ clock }) => {
      const parts = partsOf([...plan.segments.values()].filter((each) => each.clock.name === clock));
      return plan.figures.length > 0 ? [...parts, MEMBERSHIPS, PROFILE, FIGURES] : parts;
    },
    process: (record, context) => {
      const { event } = record.value as IdentifiedEvent;
      if (event !== null) arrived(plan, record, event, context);
    },
    onTimer: (timer, context) => clockReached(plan, timer, context),
    ...handOver(plan),
  };
}

function arrived(plan: Plan, record: StreamRecord, event: TaggedEvent, context: Context): void {
  const { state } = context;
  const seen = leafEvent(event);
  learn(event, seen, context, record.key);
  const before = readMemberships(state);
  const since = Math.min(before.since, event.occurredAt);
  const touched = new Set(since < before.since ? plan.open : []);
  const changed = new Set<string>();
  for (const hash of plan.listening.get(event.event) ?? []) {
    if (!listen(plan, hash, event, seen, before, context)) continue;
    changed.add(hash);
    for (const user of plan.users.get(hash) ?? []) touched.add(user);
  }
  const figures = plan.figures.filter(({ hash }) => changed.has(hash));
  const from = event.mode === 'live' ? event.occurredAt : Number.NEGATIVE_INFINITY;
  tellFigures(plan, figures, { from, messageId: event.messageId }, record.key, context);
  const arrival: Arrival = { ...seen, live: event.mode === 'live' };
  const outcomes = [...touched].map((each) => decideArrival(caseOf(each, record.key, before, since, context), arrival));
  if (outcomes.some(({ late }) => late)) context.count('late', { source: event.source });
  const after: Position = { topic: record.topic, partition: record.partition, offset: record.offset };
  const hops = hopsOf(header(record.headers, 'hops'), event.receivedAt);
  publish(outcomes, before, since, { customer: record.key, after, hops }, plan, context);
}

/** Adds the event to a leaf; false if it does not concern it. */
function listen(
  plan: Plan,
  hash: string,
  event: TaggedEvent,
  seen: LeafEvent,
  memberships: Memberships,
  context: Context,
): boolean {
  const leaf = plan.leaves.get(hash);
  if (leaf === undefined) return false;
  const part = readLeaf(context.state, hash) ?? { state: leaf.empty, facts: {} };
  const state = leaf.add(part.state, seen, (what) => context.count(what, { source: event.source }));
  if (state === part.state) return false;
  const facts = event.asOf === null ? part.facts : newestFacts([part.facts, { [event.source]: event.asOf }]);
  writeLeaf(context.state, hash, leaf, { state, facts }, horizonOf(plan.users.get(hash) ?? [], memberships, context));
  return true;
}

function clockReached(plan: Plan, timer: Timer, context: Context): void {
  figuresReached(plan, timer.key, context);
  const before = readMemberships(context.state);
  const due = [...plan.segments.values()].filter(({ segment, clock }) => {
    const next = before.of[segment.key]?.next ?? null;
    return clock.name === timer.clock && next !== null && next <= reached(clock, context);
  });
  const outcomes = due.map((each) => decideClock(caseOf(each, timer.key, before, before.since, context)));
  publish(outcomes, before, before.since, { customer: timer.key, after: before.after, hops: [] }, plan, context);
}

/** An event as operators see it. */
export function leafEvent({ messageId, event, occurredAt, properties, traits, context }: TaggedEvent): LeafEvent {
  const zone = deviceZone(context);
  const plain = { messageId, event, occurredAt, properties: objectOf(properties), traits: objectOf(traits) };
  return zone === undefined ? plain : { ...plain, zone };
}

function objectOf(json: string): Readonly<Record<string, unknown>> {
  if (json === '' || json === '{}') return {};
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
