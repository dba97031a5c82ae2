import type { Hop, SourceProof } from '../schemas/generated/types.ts';

/**
 * What the read side shows, as plain data, and the views it asks. Times are epoch milliseconds of events or brokers,
 * durations milliseconds. A composition root implements the views; routes only turn them into HTTP.
 */

/** One hop of the walk, as it is now. */
export interface HopStatus {
  readonly hop: string;
  /** Logical topic that it reads; null at the beginning of the walk. */
  readonly reads: string | null;
  readonly perSecond: number;
  /** Records that it has not read yet; null: not known. */
  readonly waiting: number | null;
  /** How far it is behind; null: not known. */
  readonly lagMs: number | null;
  readonly rejected: number;
  /** In words: what keeps some of it from work, such as a restore and how long it will take. */
  readonly trouble?: string;
}

/** The chain, in the order in which an event goes through it. */
export interface Walk {
  readonly at: number;
  /** Events taken in since the start. */
  readonly events: number;
  readonly perSecond: number;
  /** From the beginning of the chain to its end; null: nothing has come through yet. */
  readonly lagMs: number | null;
  readonly hops: readonly HopStatus[];
}

/** Why something was decided, and on how fresh facts. */
export interface Because {
  /** event | timer | merge | … */
  readonly cause: string;
  readonly event: string | null;
  readonly messageId: string | null;
  /** Everything of the sources that the rule listens to had been seen up to here. */
  readonly seenUpTo: number | null;
  readonly lagMs: number | null;
  readonly sources: readonly SourceProof[];
  readonly hops: readonly Hop[];
  /** Over all hops. */
  readonly ms: number;
}

/** What became of a message: requested, attempting, sent, failed, expired, unknown; or held, dropped, would-send. */
export interface MessageStatus {
  /** Id of the request, or of what it would have been. */
  readonly id: string;
  readonly activation: string;
  readonly status: string;
  /** In words: why it was withheld or failed. */
  readonly reason: string;
}

/** A change of membership, and the message it caused, if any. */
export interface Decision {
  readonly id: string;
  readonly at: number;
  readonly customer: string;
  readonly segment: string;
  /** entered | left. */
  readonly change: string;
  readonly because: Because;
  readonly message: MessageStatus | null;
}

/** A message as it stands, newest first in lists. */
export interface MailStatus extends MessageStatus {
  readonly at: number;
  readonly channel: string;
  readonly segment: string;
  readonly customer: string;
  /** In words. */
  readonly because: string;
  readonly seenUpTo: number | null;
  readonly hops: readonly Hop[];
  readonly ms: number;
}

export interface SegmentStatus {
  readonly segment: string;
  readonly members: number;
  /** Since the start of this process. */
  readonly entered: number;
  readonly left: number;
}

export interface Counted {
  readonly reason: string;
  readonly count: number;
}

export interface SourceStatus {
  readonly source: string;
  /** fresh | lagging | stale | silent | ended. */
  readonly status: string;
  readonly watermark: number | null;
  readonly asOf: number | null;
  readonly lagMs: number | null;
  readonly since: number;
  /** When the next update is due, or was; null where none is due at a certain time. */
  readonly expectedAt: number | null;
  /** What feeds it and is to blame for how old it is. */
  readonly link: string | null;
}

/** Decisions of a segment, or messages of an activation, that wait for a source. */
export interface Waiting {
  readonly source: string;
  /** decision: its time has passed, but not all of the source has been seen up to it. message: it is held until its facts are fresh. */
  readonly kind: 'decision' | 'message';
  /** Of the segment or the activation. */
  readonly rule: string;
  readonly count: number;
  /** There may be more than were counted. */
  readonly atLeast: boolean;
  /** The time of the first of them. */
  readonly since: number;
}

/** Events of a source whose claim of a time was not believed; since the start of the process that counts them. */
export interface WrongClock {
  readonly source: string;
  /** future: later than the brokers' clock allows, and set back to it. skew: by a device whose clock is wrong, and put right. */
  readonly kind: 'future' | 'skew';
  readonly count: number;
}

/** A sentence on what is being shown, for whoever watches. */
export interface Told {
  readonly at: number;
  readonly tone: 'plain' | 'good' | 'bad';
  readonly text: string;
}

export interface Alert {
  readonly id: string;
  readonly at: number;
  readonly customer: string;
  readonly rule: string;
  readonly reason: string;
}

/** How long something took, over so many of them. */
export interface Spread {
  readonly count: number;
  readonly medianMs: number;
  /** 95 of 100 took no longer. */
  readonly p95Ms: number;
}

export interface HopTime extends Spread {
  readonly hop: string;
}

/** How long the way takes, by the decisions and messages that are remembered: a few hundred of each. */
export interface WayTimes {
  /** In the order of the way. */
  readonly hops: readonly HopTime[];
  /** The hop with the largest `p95Ms`; null: nothing has been decided yet. */
  readonly slowest: string | null;
  /** From what happened until the message was handed over; null: none was. */
  readonly message: Spread | null;
}

/** What the pipeline has decided and done; counts are since the start of this process, members are all there are. */
export interface Status {
  readonly at: number;
  /** False while the memberships of before are still being read: members are then too few. */
  readonly complete: boolean;
  readonly segments: readonly SegmentStatus[];
  readonly mails: {
    readonly sent: number;
    readonly failed: number;
    /** Withheld, for whatever reason. */
    readonly held: number;
    /** Of those that waited for fresher facts: sent after all, and dropped. */
    readonly released: number;
    readonly dropped: number;
    readonly wouldSend: number;
    /** Withheld and failed ones by reason, most frequent first. */
    readonly reasons: readonly Counted[];
    readonly last: readonly MailStatus[];
  };
  readonly decisions: readonly Decision[];
  readonly times: WayTimes;
  readonly sources: readonly SourceStatus[];
  readonly alerts: readonly Alert[];
  readonly rejected: { readonly count: number; readonly reasons: readonly Counted[] };
}

/** The whole live page. */
export interface Snapshot {
  readonly walk: Walk;
  readonly status: Status;
  /** Who waits for which source, longest first; of the tasks in this process. */
  readonly waiting: readonly Waiting[];
  /** Of the tasks in this process. */
  readonly clocks: readonly WrongClock[];
  /** What a demonstration has to say, newest first; empty without one. */
  readonly story: readonly Told[];
}

export interface SnapshotView {
  /** Cheap: called at least once a second. */
  snapshot(): Snapshot;
}

/** A fact about a customer. */
export interface Fact {
  readonly name: string;
  readonly value: unknown;
  readonly source: string;
  /** declared | observed | inferred | third_party. */
  readonly known: string;
  readonly occurredAt: number;
  readonly ageMs: number;
}

export interface MembershipFact {
  readonly segment: string;
  readonly since: number;
}

export interface Customer {
  readonly customer: string;
  readonly facts: readonly Fact[];
  readonly memberships: readonly MembershipFact[];
}

export interface ProfileView {
  /** By an identifier as the customer would give it; normalised inside. Rejects with NOT_LOCAL where another process holds it. */
  find(kind: string, value: string): Promise<Customer | undefined>;
}

/** Why a message was sent, or was not. */
export interface Why {
  readonly id: string;
  readonly activation: string;
  readonly segment: string;
  readonly channel: string;
  readonly status: string;
  readonly reason: string;
  /** In words. */
  readonly because: string;
  readonly requestedAt: number | null;
  readonly detail: Because;
}

export interface WhyView {
  why(requestId: string): Promise<Why | undefined>;
}

/** Where an event has been. */
export interface TraceHop {
  readonly hop: string;
  readonly at: number;
  readonly ms: number;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
}

export interface Trace {
  readonly messageId: string;
  readonly source: string;
  readonly event: string;
  readonly customer: string | null;
  /** accepted | rejected | duplicate | …: where it is now, in a word. */
  readonly state: string;
  readonly hops: readonly TraceHop[];
  /** What it changed, in words. */
  readonly changed: readonly string[];
}

export interface TraceView {
  trace(messageId: string): Promise<Trace | undefined>;
}
