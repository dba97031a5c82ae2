import type { Rejected } from '../runtime/record.ts';
import type { Retention, Topic } from '../runtime/topic.ts';
import type { ReferenceTold } from './reference.ts';
import type {
  ActivationOutcome,
  ActivationRequest,
  ActivationWithheld,
  CustomerMemberships,
  FraudAlert,
  IdentifiedEvent,
  IdentityChange,
  IdentityJudgement,
  IdentityReview,
  MembershipChange,
  ProfileChange,
  ReferenceFact,
  Resemblance,
  SourceFreshness,
  TaggedEvent,
} from './generated/types.ts';

const day = 24 * 60 * 60 * 1000;
const days = (n: number): Retention => ({ kind: 'delete', retentionMs: n * day });
const compact: Retention = { kind: 'compact', maxCompactionLagMs: 7 * day, deleteRetentionMs: day };

const shared = { partitions: 'shared', timestamps: 'create', internal: false } as const;
const avro = (schema: string) => ({ kind: 'avro', schema }) as const;

/** A raw topic of its own for one source, fed by any Kafka producer, JSON or Avro. */
export function rawTopic(source: string): Topic<Buffer> {
  return {
    ...shared,
    name: `raw.${source}`,
    format: { kind: 'bytes' },
    key: 'free; records of one customer should share it',
    retention: days(28),
    timestamps: 'append',
    doc: `Raw events of the source ${source}, as its producer writes them.`,
  };
}

/** A topic for the changes of one segment alone: the very records of `segments.membership`, in their order. */
export function segmentTopic(name: string): Topic<MembershipChange> {
  return {
    ...segmentsMembership,
    name,
    doc: 'The changes of one segment, as they are on segments.membership and in the same transaction.',
  };
}

/** A reference table, by name: read whole by whoever looks things up in it. */
export function referenceTopic(table: string): Topic<ReferenceFact> {
  return {
    ...shared,
    name: `reference.${table}`,
    format: avro('ReferenceFact'),
    key: 'key of the row, e.g. of a product; not personal',
    retention: compact,
    doc: `The reference table ${table}: what its source says of each thing.`,
  };
}

const referenceTold: Topic<ReferenceTold> = {
  ...shared,
  name: 'reference.told',
  format: { kind: 'msgpack' },
  key: 'table and key of the row',
  retention: days(7),
  internal: true,
  doc: 'What sources say of things in reference tables, and who is interested in which.',
};

const eventsRaw: Topic<Buffer> = {
  ...shared,
  name: 'events.raw',
  format: { kind: 'bytes' },
  key: 'opaque key of the primary identifier',
  retention: days(28),
  timestamps: 'append',
  doc: 'Calls of the Segment HTTP API as the gateway took them: one JSON message a record; headers source, received-at, sent-at.',
};

const eventsTagged: Topic<TaggedEvent> = {
  ...shared,
  name: 'events.tagged',
  format: avro('TaggedEvent'),
  key: 'opaque key of the primary identifier',
  retention: days(28),
  doc: 'Events in the common form, validated and stamped.',
};

const eventsIdentified: Topic<IdentifiedEvent> = {
  ...shared,
  name: 'events.identified',
  format: avro('IdentifiedEvent'),
  key: 'customer id',
  retention: days(400),
  doc: 'Events with their customer, once each, and the in-band control records of merges: the history.',
};

const eventsRejected: Topic<Rejected> = {
  ...shared,
  name: 'events.rejected',
  format: avro('RejectedRecord'),
  key: 'original key',
  retention: days(28),
  doc: 'Records that could not be used, with the reason and the original bytes, to be repaired and replayed.',
};

const identityLinks: Topic<unknown> = {
  ...shared,
  name: 'stitch-identity.loop',
  format: { kind: 'msgpack' },
  key: 'opaque key of an identifier',
  retention: days(7),
  internal: true,
  doc: 'Messages between identifiers while they find their common customer.',
};

const identityChanges: Topic<IdentityChange> = {
  ...shared,
  name: 'identity.changes',
  format: avro('IdentityChange'),
  key: 'customer id',
  retention: days(400),
  doc: 'Report of links, merges and refusals; no state depends on it.',
};

const lookalikesLoop: Topic<unknown> = {
  ...shared,
  name: 'find-lookalikes.loop',
  format: { kind: 'msgpack' },
  key: 'customer id, or opaque key of what customers have in common',
  retention: days(7),
  internal: true,
  doc: 'Customers and what they have in common, while those who look alike are found; only where identity.yaml says fuzzy.',
};

const identityResembles: Topic<Resemblance | null> = {
  ...shared,
  name: 'identity.resembles',
  format: avro('Resemblance'),
  key: 'customer id',
  retention: compact,
  doc: 'Weak links: customers who are probably one person, with the confidence. They merge nothing; who accepts them reads them here.',
};

const identityReview: Topic<IdentityReview | null> = {
  ...shared,
  name: 'identity.review',
  format: avro('IdentityReview'),
  key: 'id of the pair',
  retention: compact,
  doc: 'Pairs of customers that somebody should look at; gone when it is decided or the likeness is.',
};

const identityJudgements: Topic<IdentityJudgement> = {
  ...shared,
  name: 'identity.judgements',
  format: avro('IdentityJudgement'),
  key: 'customer id, the smaller of the two',
  retention: days(400),
  doc: 'What people decided on pairs in review.',
};

const customersLoop: Topic<unknown> = {
  ...shared,
  name: 'customers.loop',
  format: { kind: 'msgpack' },
  key: 'customer id',
  retention: days(7),
  internal: true,
  doc: 'States on their way from a customer that ends to the one that goes on, for each processor that keeps some.',
};

const customersSeeds: Topic<unknown> = {
  ...shared,
  name: 'customers.seeds',
  format: { kind: 'msgpack' },
  key: 'processor/customer id',
  retention: compact,
  internal: true,
  doc: 'Customers that a split has ended and whose heirs wait for what the history says of each; then what they were given.',
};

const segmentsMembership: Topic<MembershipChange> = {
  ...shared,
  name: 'segments.membership',
  format: avro('MembershipChange'),
  key: 'customer id',
  retention: days(400),
  doc: 'Who entered or left which segment, exactly once, with proof; header segment for filtering.',
};

const segmentsMembers: Topic<CustomerMemberships> = {
  ...shared,
  name: 'segments.members',
  format: avro('CustomerMemberships'),
  key: 'customer id, or `continue-from`',
  retention: compact,
  doc: 'The segments of each customer, in one transaction with their changes; and from where the changes go on. docs/consumers.md says how to read it.',
};

const segmentsRules: Topic<unknown> = {
  name: 'segments.rules',
  format: { kind: 'json' },
  key: 'generation, counting up',
  partitions: 1,
  retention: compact,
  timestamps: 'create',
  internal: true,
  doc: 'The rules of all segments as they stood together, each time that they became others: while new ones are prepared, these decide.',
};

const profilesChanges: Topic<ProfileChange> = {
  ...shared,
  name: 'profiles.changes',
  format: avro('ProfileChange'),
  key: 'customer id',
  retention: days(28),
  doc: 'Traits that took a new value.',
};

const activationsRequested: Topic<ActivationRequest> = {
  ...shared,
  name: 'activations.requested',
  format: avro('ActivationRequest'),
  key: 'opaque key of channel and address',
  retention: days(7),
  doc: 'Messages to be sent, for the sinks.',
};

const activationsWithheld: Topic<ActivationWithheld> = {
  ...shared,
  name: 'activations.withheld',
  format: avro('ActivationWithheld'),
  key: 'customer id',
  retention: days(28),
  doc: 'Messages that were not requested, and why.',
};

const activationsOutcomes: Topic<ActivationOutcome> = {
  ...shared,
  name: 'activations.outcomes',
  format: avro('ActivationOutcome'),
  key: 'id of the request',
  retention: days(28),
  doc: 'What became of each request.',
};

const fraudAlerts: Topic<FraudAlert> = {
  ...shared,
  name: 'fraud.alerts',
  format: avro('FraudAlert'),
  key: 'customer id',
  retention: days(400),
  doc: 'Suspicious sequences of events.',
};

const sourcesFreshness: Topic<SourceFreshness> = {
  ...shared,
  name: 'sources.freshness',
  format: avro('SourceFreshness'),
  key: 'source',
  retention: compact,
  doc: 'Status of each source.',
};

const progress: Topic<Buffer> = {
  name: 'freshet.progress',
  format: { kind: 'bytes' },
  key: 'claim: stage, task and source',
  partitions: 1,
  retention: { kind: 'compact', maxCompactionLagMs: 60_000, deleteRetentionMs: day },
  timestamps: 'append',
  internal: true,
  doc: 'Claims of progress from which watermarks are made; see runtime/watermarks.',
};

/** Every topic of freshet but those of single sources (`rawTopic`), those of reference tables and the changelogs, which the runtime derives from the processors. */
export const topics = {
  eventsRaw,
  eventsTagged,
  eventsIdentified,
  eventsRejected,
  identityLinks,
  identityChanges,
  identityResembles,
  identityReview,
  identityJudgements,
  lookalikesLoop,
  customersLoop,
  customersSeeds,
  segmentsMembership,
  segmentsMembers,
  segmentsRules,
  profilesChanges,
  activationsRequested,
  activationsWithheld,
  activationsOutcomes,
  fraudAlerts,
  referenceTold,
  sourcesFreshness,
  progress,
} as const;
