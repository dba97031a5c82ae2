// Generated from schemas/events by `npm run generate`; edit those.

/** What became of a request at a sink; the ledger of the sink. */
export interface ActivationOutcome {
  /** Id of the request, the key. */
  readonly id: string;
  /** Customer id. */
  readonly customer: string;
  /** Activation. */
  readonly activation: string;
  /** Channel. */
  readonly channel: string;
  /** attempting | sent | failed | expired | unknown. */
  readonly status: string;
  /** In words, those of the receiver among them; empty when sent. Can hold personal data. */
  readonly reason: string;
  /** Counts attempts from 1. */
  readonly attempt: number;
  /** What the receiver knows it by, e.g. the Message-ID. */
  readonly reference: string;
  /** Wall clock of the sink. */
  readonly at: number;
  /** Segment. */
  readonly segment: string;
  /** In words: the because of the message. */
  readonly because: string;
  /** Proof of the request. */
  readonly proof: Proof;
}

/** A message to be sent. */
export interface ActivationRequest {
  /** Deterministic: hash of customer, activation, cause and sequence; the idempotency key. */
  readonly id: string;
  /** Customer id. */
  readonly customer: string;
  /** Activation. */
  readonly activation: string;
  /** email | … */
  readonly channel: string;
  /** Address on the channel. Can hold personal data. */
  readonly to: string;
  /** Template. */
  readonly template: string;
  /** JSON object: what the template may use. Can hold personal data. */
  readonly data: string;
  /** Id of the membership change behind it. */
  readonly membership: string;
  /** Segment. */
  readonly segment: string;
  /** In words: the because of the message. */
  readonly reason: string;
  /** Broker time of the decision. */
  readonly requestedAt: number;
  /** When that happened which led to it: the time of the event, or the moment whose passing decided; null: written by an earlier version. */
  readonly occurredAt: number | null;
  /** Not to be sent after this broker time. */
  readonly expiresAt: number;
  /** Cause of the membership change. */
  readonly cause: Cause;
  /** How fresh the facts were. */
  readonly proof: Proof;
}

/** A message that was not requested, and why. */
export interface ActivationWithheld {
  /** Deterministic, as of the request it would have been. */
  readonly id: string;
  /** Customer id, the key. */
  readonly customer: string;
  /** Activation. */
  readonly activation: string;
  /** Segment. */
  readonly segment: string;
  /** Id of the membership change behind it. */
  readonly membership: string;
  /** cause | address | consent | freshness | …: what withheld it. */
  readonly gate: string;
  /** In words. */
  readonly reason: string;
  /** dropped | held | would-send. */
  readonly decision: string;
  /** Cause of the membership change. */
  readonly cause: Cause;
  /** How fresh the facts were. */
  readonly proof: Proof;
}

/** Why a membership changed. */
export interface Cause {
  /** event | timer | merge | split | rule-change | seed | backfill | replay | erasure | correction. */
  readonly kind: string;
  /** The event, if one caused it. */
  readonly messageId: string | null;
  /** Its name. */
  readonly event: string | null;
  /** Last record read before. */
  readonly after: Position | null;
  /** correction: sequence of the change that it corrects. */
  readonly corrects: number | null;
}

/** A segment that a customer belongs to. */
export interface CustomerMembership {
  /** Segment. */
  readonly segment: string;
  /** Sequence of the change by which he entered. */
  readonly sequence: number;
  /** Event time from which he belongs to it; null: he entered before this was kept. */
  readonly since: number | null;
}

/** The segments of a customer as of his last change; or, under the key continue-from, a place in the topic of changes. */
export interface CustomerMemberships {
  /** Customer id, the key; null: this record only names a place. */
  readonly customer: string | null;
  /** Sequence of his last change: all up to it are in here. 0 where a place is named. */
  readonly sequence: number;
  /** What he belongs to, by name; empty: nothing any more. */
  readonly segments: readonly CustomerMembership[];
  /** Every change of this partition before this place is in the records before this one; null: the record is of a customer. */
  readonly continueFrom: Position | null;
}

/** A suspicious sequence of events of one customer. */
export interface FraudAlert {
  /** Deterministic. */
  readonly id: string;
  /** Customer id, the key. */
  readonly customer: string;
  /** Rule. */
  readonly rule: string;
  /** In words, without personal data. */
  readonly reason: string;
  /** Event time. */
  readonly effectiveAt: number;
  /** messageIds, in order. */
  readonly events: readonly string[];
  /** How fresh the facts were. */
  readonly proof: Proof;
}

/** One hop of the walk. */
export interface Hop {
  /** Gateway, processor or sink. */
  readonly hop: string;
  /** When it handed the record on. */
  readonly at: number;
  /** Milliseconds since the hop before. */
  readonly ms: number;
}

/** An event of a known customer, or a control record of a merge or split; exactly one of event and marker is set. */
export interface IdentifiedEvent {
  /** Customer id, the key of the record. */
  readonly customer: string;
  /** The event. Can hold personal data. */
  readonly event: TaggedEvent | null;
  /** Control record of a merge or split. Can hold personal data. */
  readonly marker: MergeMarker | null;
}

/** One name that a customer goes by, normalised. */
export interface Identifier {
  /** user_id, email, phone, anonymous_id, device_id, … */
  readonly kind: string;
  /** The normalised value. Can hold personal data. */
  readonly value: string;
}

/** A report on identities; no state depends on it. */
export interface IdentityChange {
  /** created | linked | merged | refused | moved | super-node | split | apart | unsplit. */
  readonly kind: string;
  /** Customer that goes on, the key. */
  readonly customer: string;
  /** Customer that ends, or is refused, or is apart. */
  readonly other: string | null;
  /** Opaque keys of the identifiers concerned. */
  readonly identifiers: readonly string[];
  /** In words. */
  readonly reason: string;
  /** Event time. */
  readonly occurredAt: number;
  /** The event that brought the link, or the id of the command. */
  readonly messageId: string | null;
}

/** What somebody decided on two customers who look alike. */
export interface IdentityJudgement {
  /** The one with the smaller id, the key. */
  readonly customer: string;
  /** The other. */
  readonly other: string;
  /** same | different | open: as if nobody had decided. */
  readonly verdict: string;
  /** When. */
  readonly judgedAt: number;
}

/** Two customers who may be one person: somebody should look at it. */
export interface IdentityReview {
  /** Of the pair, the key. */
  readonly id: string;
  /** The one with the smaller id. */
  readonly customer: string;
  /** The other. */
  readonly other: string;
  /** That they are one person, 0 to 1. */
  readonly probability: number;
  /** The same as log2 of the odds. */
  readonly bits: number;
  /** Why it is not linked, in words. */
  readonly reason: string;
  /** Field by field; the bits add up. */
  readonly evidence: readonly LikenessEvidence[];
}

/** What one field said; without what is in it. */
export interface LikenessEvidence {
  /** The field compared. */
  readonly field: string;
  /** How the two stand to each other. */
  readonly level: string;
  /** What it is worth. */
  readonly bits: number;
}

/** A customer entered or left a segment. */
export interface MembershipChange {
  /** Deterministic: the same change has the same id whenever it is computed. */
  readonly id: string;
  /** Customer id, the key. */
  readonly customer: string;
  /** Segment. */
  readonly segment: string;
  /** Hash of the meaning of the rule. */
  readonly version: string;
  /** entered | left. */
  readonly change: string;
  /** Counts the changes of the customer, from 1, without gaps. */
  readonly sequence: number;
  /** Event time from which it holds. */
  readonly effectiveAt: number;
  /** Why. */
  readonly cause: Cause;
  /** How fresh the facts were. */
  readonly proof: Proof;
}

/** In-band control record of a merge or split of customers. */
export interface MergeMarker {
  /** opening | closing | sealed: of a merge; dividing: of a split; command: an operator's word on two identifiers. */
  readonly kind: string;
  /** Customer that ends; empty for a command. */
  readonly loser: string;
  /** Customer that goes on; empty where several do, and for a command. */
  readonly winner: string;
  /** closing, dividing: opaque keys of the identifiers that have to seal; sealed: the one that seals; command: the two. */
  readonly members: readonly string[];
  /** JSON object. dividing: heirs, and shares: by identifier to whom its events belong since when; command: id, word (apart | together), occurredAt, author, reason. Else empty. Can hold personal data. */
  readonly detail: string;
}

/** Where the raw record lay. */
export interface Origin {
  /** Logical topic name. */
  readonly topic: string;
  /** Partition. */
  readonly partition: number;
  /** Offset. */
  readonly offset: number;
}

/** A place in a topic. */
export interface Position {
  /** Logical topic. */
  readonly topic: string;
  /** Partition. */
  readonly partition: number;
  /** Offset. */
  readonly offset: number;
}

/** A trait of a customer took a new value. */
export interface ProfileChange {
  /** Customer id, the key. */
  readonly customer: string;
  /** Name of the trait. */
  readonly trait: string;
  /** JSON; null: removed. Can hold personal data. */
  readonly value: string | null;
  /** Where it comes from. */
  readonly source: string;
  /** declared | observed | inferred | third_party. */
  readonly known: string;
  /** Event time of the value. */
  readonly occurredAt: number;
  /** The event that brought it. */
  readonly messageId: string;
}

/** How fresh the facts behind a decision were. */
export interface Proof {
  /** The clock of the sources that the rule listens to; null: not known yet. */
  readonly now: number | null;
  /** Wall clock minus now. */
  readonly lagMs: number | null;
  /** One row for each source used. */
  readonly sources: readonly SourceProof[];
  /** Way of the causing event. */
  readonly hops: readonly Hop[];
  /** What was read of reference tables. */
  readonly tables: readonly TableProof[];
}

/** A row of a reference table: what its source says of one thing now, and said before. */
export interface ReferenceFact {
  /** Table. */
  readonly table: string;
  /** Of the thing, e.g. a product; the key of the record. */
  readonly key: string;
  /** Source that says so. */
  readonly source: string;
  /** The newest first; at most eight. Can hold personal data. */
  readonly versions: readonly ReferenceVersion[];
}

/** What was said of a thing from a time on. */
export interface ReferenceVersion {
  /** Event time from which it holds. */
  readonly from: number;
  /** As of when its source last vouched for it. */
  readonly asOf: number;
  /** The event that said so first. */
  readonly messageId: string;
  /** The columns: an object as JSON. Can hold personal data. */
  readonly values: string;
}

/** A record that could not be used, with all that is needed to repair and replay it. */
export interface RejectedRecord {
  /** Logical topic it was read from. */
  readonly topic: string;
  /** Partition. */
  readonly partition: number;
  /** Offset. */
  readonly offset: number;
  /** Who refused it. */
  readonly processor: string;
  /** decode | transform | validate | process. */
  readonly step: string;
  /** What was expected, and where. */
  readonly reason: string;
  /** Source, if known. */
  readonly source: string | null;
  /** Original key. Can hold personal data. */
  readonly key: Buffer | null;
  /** Original value. Can hold personal data. */
  readonly value: Buffer | null;
  /** Original headers. Can hold personal data. */
  readonly headers: Readonly<Record<string, Buffer>>;
  /** Time of the original record, if known: that of the brokers where its topic says so. */
  readonly timestamp: number | null;
  /** When. */
  readonly rejectedAt: number;
}

/** Customers who are probably the same person as this one, by likeness and not by a common identifier. */
export interface Resemblance {
  /** Customer id, the key. */
  readonly customer: string;
  /** By their ids; each of them names this one too. */
  readonly others: readonly WeakLink[];
}

/** Status of a source. */
export interface SourceFreshness {
  /** Source, the key. */
  readonly source: string;
  /** fresh | lagging | stale | silent | ended. */
  readonly status: string;
  /** Everything up to here has been seen. */
  readonly watermark: number | null;
  /** As of when its newest fact holds. */
  readonly asOf: number | null;
  /** Newest sign of life, broker time. */
  readonly lastEventAt: number | null;
  /** Wall clock minus watermark. */
  readonly lagMs: number | null;
  /** Since when it has this status. */
  readonly since: number;
  /** Broker time of the report. */
  readonly at: number;
  /** Status before, in the report of a change; null in repetitions and in the first report. */
  readonly before: string | null;
  /** When the next update is due, or was; null where none is due at a certain time. */
  readonly expectedAt: number | null;
  /** What feeds the source and is to blame for its watermark, and how often it brings something new. */
  readonly link: string | null;
}

/** How fresh one source was at a decision. */
export interface SourceProof {
  /** Source. */
  readonly source: string;
  /** Everything of the source up to here had been seen; null: nothing yet. */
  readonly watermark: number | null;
  /** As of when its newest fact used here holds. */
  readonly asOf: number | null;
  /** now minus asOf, milliseconds. */
  readonly ageMs: number | null;
  /** fresh | lagging | stale | ended | unknown. */
  readonly status: string;
  /** What feeds the source and is to blame for the age of its facts, and how often it brings something new. */
  readonly link: string | null;
}

/** What was read of a reference table for a decision. */
export interface TableProof {
  /** Table. */
  readonly table: string;
  /** Source whose facts it holds. */
  readonly source: string;
  /** Partition of its topic. */
  readonly partition: number;
  /** Offset of the record that was read; where there was none, up to which the table had been read. */
  readonly offset: number;
  /** As of when the source vouches for it; null: the table held nothing. */
  readonly asOf: number | null;
  /** Broker time of the decision minus asOf. */
  readonly ageMs: number | null;
}

/** A raw event, validated, transformed and stamped. */
export interface TaggedEvent {
  /** Stable over retries; the key of de-duplication. */
  readonly messageId: string;
  /** Name of the declared source. */
  readonly source: string;
  /** track | identify | page | screen | group | alias; split, unsplit: an operator's word on two identifiers, from no source. */
  readonly type: string;
  /** Name of the event: of a track call its name, otherwise the type with a capital letter. */
  readonly event: string;
  /** When it happened, by the source, corrected for clock skew and clamped. */
  readonly occurredAt: number;
  /** When it came in: stamp of the gateway, else append time of the raw record. */
  readonly receivedAt: number;
  /** As of when the source vouches for the fact; null when it did not say. */
  readonly asOf: number | null;
  /** All identifiers, the primary one (the key of the record) first. Can hold personal data. */
  readonly identifiers: readonly Identifier[];
  /** JSON object: properties of track, page and screen. Can hold personal data. */
  readonly properties: string;
  /** JSON object: traits of identify, group and context.traits. Can hold personal data. */
  readonly traits: string;
  /** JSON object: context of the call. Can hold personal data. */
  readonly context: string;
  /** What was done to it: future-clamped, skew-corrected, no-message-id. */
  readonly flags: readonly string[];
  /** live | backfill | replay: how the source feeds it. */
  readonly mode: string;
  /** Where the raw record lay. */
  readonly origin: Origin;
}

/** A link of probability; it merges nothing. */
export interface WeakLink {
  /** The other customer. */
  readonly customer: string;
  /** Probability that both are one person, 0 to 1. */
  readonly confidence: number;
  /** likeness | judgement. */
  readonly by: string;
}
