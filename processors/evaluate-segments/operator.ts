import type { ConfigPath, JsonSchema } from '../../schemas/config.ts';
import type { Rates } from './rates.ts';

/** An event as operators see it: the JSON of the record decoded once. */
export interface LeafEvent {
  readonly messageId: string;
  readonly event: string;
  readonly occurredAt: number;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly traits: Readonly<Record<string, unknown>>;
  /** Time zone of the device that sent it, if it told one. */
  readonly zone?: string;
}

/** An event that lies at a given time in the state of a leaf. */
export interface EventAt {
  readonly messageId: string;
  readonly event: string;
}

/** Why a leaf holds or not: a sentence without personal data, and the events that make it so, by event time. */
export interface Explanation {
  readonly holds: boolean;
  readonly says: string;
  readonly events: readonly { readonly messageId: string; readonly occurredAt: number }[];
}

/** Told of what could not be used, by a short name, e.g. `unmatched`; becomes a counter. `unmatched-undone` takes one of it back. */
export type Note = (what: string) => void;

/**
 * One condition over the events of a customer, as a function of event time. Its state is a commutative monoid over events,
 * ordered by (occurredAt, messageId): in whatever order they are added, split and merged, the answers are the same; adding one
 * twice changes nothing while it is kept. States are plain data and never mutated. Times are epoch milliseconds.
 */
export interface Leaf<S = unknown> {
  /** What it means, as plain data: the same for equal meanings, whatever the spelling. The identity of its state. */
  readonly meaning: unknown;
  /** Names of the events it listens to. */
  readonly events: readonly string[];
  /** An answer needs no events from so long before it, milliseconds. +Infinity, or left out: it may need all there ever were. */
  readonly reach?: number;
  /** More events at or before a time can turn it from false to true at that time, never back. */
  readonly monotone: boolean;
  readonly empty: S;
  /** The same reference when the event does not concern it. */
  add(state: S, event: LeafEvent, note: Note): S;
  merge(one: S, other: S): S;
  /** Forgets what no question about a time from `horizon` on needs, later events counted in. */
  prune(state: S, horizon: number): S;
  /** Whether it holds at `at`, by events up to `at` only. */
  holds(state: S, at: number): boolean;
  /** The next time after `at` at which it holds otherwise than at `at`, if no more events come; +Infinity if never. */
  nextChange(state: S, at: number): number;
  /** The last event in the state at exactly this time. */
  eventAt(state: S, at: number): EventAt | undefined;
  explain(state: S, at: number): Explanation;
  /** What may be published as a computed trait, where there is something to publish. */
  readonly figure?: Figure<S>;
  /** Rates of exchange by which its amounts were converted. */
  readonly rates?: Rates;
  /** For a condition on who the customer is: the leaf as it is for him. Without one it answers what some customers get. */
  readonly forCustomer?: (customer: string) => Leaf<S>;
}

/** A figure over time: plain data. */
export interface Figure<S = unknown> {
  value(state: S, at: number): unknown;
  /** The next time after `at` at which it is another, if no more events come; +Infinity if never. */
  next(state: S, at: number): number;
}

/** Where a leaf stands in its file, and the zone of local times in its expressions. */
export interface LeafScope {
  readonly path: ConfigPath;
  readonly timezone: string;
  /** Rates of exchange of the workspace, where it has some. */
  readonly rates?: Rates | undefined;
  /** The rule of another segment of the workspace, as it stands in its file. */
  readonly segments?: (name: string) => Readonly<Record<string, unknown>> | undefined;
}

/** A kind of leaf: what may be written under its name in a rule, and what that means. */
export interface Operator {
  /** The field in the rule. */
  readonly name: string;
  /** JSON Schema of what stands under that field. */
  readonly schema: JsonSchema;
  /** `config` fits the schema. Throws ConfigProblem for what the schema cannot say. */
  compile(config: unknown, scope: LeafScope): Leaf;
}
