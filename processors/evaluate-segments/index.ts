import { againName } from '../../runtime/again.ts';
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
import { horizonOf, newestFacts, readLeaf, writeLeaf, writeWhole, type LeafPart } from './leaf-part.ts';
import { MEMBERSHIPS, readMemberships, type Memberships } from './membership.ts';
import type { LeafEvent } from './operator.ts';
import { leafPart, partsOf, type PlannedSegment } from './plan.ts';
import { deviceZone, learn, PROFILE } from './profile.ts';
import { hopsOf } from './proof.ts';
import { ownTopics, publish } from './publish.ts';
import type { CompiledSegment } from './segment.ts';
import { rulesFor } from './turn.ts';
import { worldOf, type Feed, type Generation, type World } from './world.ts';

export interface EvaluateSegmentsConfig {
  readonly segments: readonly CompiledSegment[];
  /** Sources of this deployment: each of them holds the clocks of the segments whose events it may carry until it has ended. */
  readonly sources: readonly SourceConfig[];
  /** Where generations of rules are kept: which one `segments` is, and those that were in force before it. */
  readonly rules?: RulesConfig;
}

export interface RulesConfig extends Pick<Generation, 'number' | 'born'> {
  /** Ascending; the last one was in force. None: these rules are the first, or all customers have turned to them. */
  readonly former: readonly Generation[];
  /** Generations that were replaced before they came in force: what was made for them goes. */
  readonly givenUp?: readonly Generation[];
  /** Nothing was decided before these rules. */
  readonly isFirst: boolean;
  /** As `Revision.page`. */
  readonly page?: number;
}

/**
 * Keeps each customer's profile and memberships. A membership is a function of event time; it is decided up to the clock of the
 * segment's sources, so that the published changes, folded, equal a recomputation from all events, in any order of arrival.
 */
export function evaluateSegments({ segments, sources, rules }: EvaluateSegmentsConfig): Processor & HandOver {
  const {
    number,
    born,
    former,
    givenUp = [],
    isFirst,
  }: RulesConfig = rules ?? { number: 0, born: {}, former: [], isFirst: true };
  const world = worldOf({ number, segments, born }, former, sources, givenUp);
  const { base, all, fresh } = world;
  const again = fresh.leaves.size > 0 ? topics.eventsIdentified : undefined;
  const known = [...world.plans.values()];
  const users = (hashes: readonly string[]): ReadonlySet<PlannedSegment> =>
    new Set(hashes.flatMap((hash) => all.users.get(hash) ?? []));
  const withFigures = known.some(({ figures }) => figures.length > 0);
  return {
    ...(isFirst
      ? {}
      : { revision: { number, again, part: MEMBERSHIPS, ...(rules?.page === undefined ? {} : { page: rules.page }) } }),
    name: 'evaluate-segments',
    inputs: [topics.eventsIdentified],
    outputs: [
      topics.segmentsMembership,
      topics.segmentsMembers,
      ...ownTopics([...former.flatMap((each) => each.segments), ...segments]),
      topics.profilesChanges,
    ],
    upstream: ['stitch-identity'],
    parts: ({ topic, value }) => {
      const { event } = value as IdentifiedEvent;
      if (event === null) return [];
      if (isAgain(topic)) return [MEMBERSHIPS, ...(fresh.listening.get(event.event) ?? []).map(leafPart)];
      const touched = users(all.listening.get(event.event) ?? []);
      const figures = withFigures ? [FIGURES] : [];
      return [PROFILE, MEMBERSHIPS, ...figures, ...partsOf([...touched, ...base.open])];
    },
    timerParts: ({ clock }) => {
      const due = known.flatMap(({ segments: planned }) => [...planned.values()].filter((each) => each.clock.name === clock));
      return withFigures ? [...partsOf(due), MEMBERSHIPS, PROFILE, FIGURES] : partsOf(due);
    },
    process: (record, context) => {
      const { event } = record.value as IdentifiedEvent;
      if (event === null) return;
      if (isAgain(record.topic)) readAgain(world, event, context);
      else arrived(world, record, event, context);
    },
    onTimer: (timer, context) => clockReached(world, timer, context),
    ...handOver(world),
  };
}

function isAgain(topic: string): boolean {
  return topic === againName(topics.eventsIdentified.name);
}

/** An event that was read before: leaves that the new rules need take it in, and nothing is decided by it. */
function readAgain({ fresh }: World, event: TaggedEvent, context: Context): void {
  const hashes = fresh.listening.get(event.event) ?? [];
  if (hashes.length === 0) return;
  const seen = leafEvent(event);
  const memberships = readMemberships(context.state);
  for (const hash of hashes) listen({ feed: fresh, fresh }, hash, event, seen, memberships, context);
}

function arrived(world: World, record: StreamRecord, event: TaggedEvent, context: Context): void {
  const { state } = context;
  const seen = leafEvent(event);
  learn(event, seen, context, record.key);
  const plan = rulesFor(world, record.key, context);
  // Until he turns to them, the leaves of newer rules are fed beside those of his own.
  const feed = plan === world.target ? plan : world.all;
  const listening = { feed, fresh: plan === world.target ? undefined : world.fresh };
  const before = readMemberships(state);
  const since = Math.min(before.since, event.occurredAt);
  const touched = new Set(since < before.since ? plan.open : []);
  const changed = new Set<string>();
  for (const hash of feed.listening.get(event.event) ?? []) {
    if (!listen(listening, hash, event, seen, before, context)) continue;
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

interface Listening {
  readonly feed: Feed;
  /** Leaves that are being made. */
  readonly fresh: Feed | undefined;
}

/** Adds the event to a leaf; false if it does not concern it. */
function listen(
  { feed, fresh }: Listening,
  hash: string,
  event: TaggedEvent,
  seen: LeafEvent,
  memberships: Memberships,
  context: Context,
): boolean {
  const leaf = feed.leaves.get(hash);
  if (leaf === undefined) return false;
  const part: LeafPart = readLeaf(context.state, hash) ?? { state: leaf.empty, facts: {} };
  const state = leaf.add(part.state, seen, (what) => context.count(what, { source: event.source }));
  if (state === part.state) return false;
  const facts = event.asOf === null ? part.facts : newestFacts([part.facts, { [event.source]: event.asOf }]);
  const write = fresh?.leaves.has(hash) ? writeWhole : writeLeaf;
  write(context.state, hash, leaf, { ...part, state, facts }, horizonOf(feed.users.get(hash) ?? [], memberships, context));
  return true;
}

function clockReached(world: World, timer: Timer, context: Context): void {
  const plan = rulesFor(world, timer.key, context);
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
