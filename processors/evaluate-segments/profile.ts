import type { Context, KeyState } from '../../runtime/processor.ts';
import type { ProfileChange, TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import type { LeafEvent } from './operator.ts';
import { isZone } from './zones.ts';

/** A trait with its provenance. */
export interface TraitValue {
  /** JSON; null: taken away. */
  readonly value: string | null;
  readonly source: string;
  readonly occurredAt: number;
  readonly messageId: string;
  /** declared by the customer or a system that knows, observed beside something else, inferred by a rule of ours. */
  readonly known: 'declared' | 'observed' | 'inferred';
}

/** Part `p`: what is known of a customer. Of each trait the newest value by event time, whatever arrives when. */
export interface Profile {
  readonly traits: Readonly<Record<string, TraitValue>>;
  /** IANA name of the time zone of his latest day, as his devices told it. */
  readonly zone?: Zone;
}

interface Zone {
  readonly value: string;
  /** Start of the day (UTC), so that the profile need not be written for each event. */
  readonly day: number;
}

export const PROFILE = 'p';
const nothing: Profile = { traits: {} };

/** Takes the traits of an event into the profile, and reports those that took a new value. */
export function learn(event: TaggedEvent, seen: LeafEvent, context: Context, customer: string): void {
  const known = event.type === 'identify' ? 'declared' : 'observed';
  const told = (value: unknown): TraitValue => ({
    value: value === null ? null : JSON.stringify(value),
    source: event.source,
    occurredAt: event.occurredAt,
    messageId: event.messageId,
    known,
  });
  const traits = Object.fromEntries(Object.entries(seen.traits).map(([name, value]) => [name, told(value)]));
  const zone = contextZone(event);
  if (zone === undefined && Object.keys(traits).length === 0) return;
  take({ traits, ...(zone === undefined ? {} : { zone }) }, context, customer);
}

/** Source of traits that rules of ours compute. */
const COMPUTED = 'computed';

/** Tells the value of a computed trait as of a time; it replaces whatever was known. Nothing if it is known already. */
export function tell(
  trait: string,
  value: unknown,
  { at, messageId }: { readonly at: number; readonly messageId: string },
  context: Context,
  customer: string,
): void {
  const profile = context.state.get<Profile>(PROFILE) ?? nothing;
  const before = profile.traits[trait];
  const json = value === null || value === undefined ? null : JSON.stringify(value);
  if (json === (before?.value ?? null)) return;
  // Whoever keeps the newest value by time shall keep this one.
  const occurredAt = Math.max(at, (before?.occurredAt ?? Number.NEGATIVE_INFINITY) + 1);
  const told: TraitValue = { value: json, source: COMPUTED, occurredAt, messageId, known: 'inferred' };
  context.state.set(PROFILE, { ...profile, traits: { ...profile.traits, [trait]: told } });
  context.forward(topics.profilesChanges, customer, reported(customer, trait, told));
}

/** Brings a profile into that of the customer at hand, and reports the traits that took a new value. */
export function take(more: Profile, context: Context, customer: string): void {
  const before = context.state.get<Profile>(PROFILE) ?? nothing;
  const after = mergeProfiles(before, more);
  if (after === before) return;
  context.state.set(PROFILE, after);
  for (const [trait, value] of Object.entries(after.traits)) {
    if (value.value !== (before.traits[trait]?.value ?? null))
      context.forward(topics.profilesChanges, customer, reported(customer, trait, value));
  }
}

/** The newest value of each trait of both; the same reference as `one` when `other` knows nothing newer. */
export function mergeProfiles(one: Profile, other: Profile): Profile {
  const newer = Object.entries(other.traits).filter(([name, value]) => isNewer(value, one.traits[name]));
  const zone = other.zone !== undefined && isLater(other.zone, one.zone) ? other.zone : one.zone;
  if (newer.length === 0 && zone === one.zone) return one;
  return { traits: { ...one.traits, ...Object.fromEntries(newer) }, ...(zone === undefined ? {} : { zone }) };
}

/** The profile in the state of a customer, for read-only views. */
export function profileOf(state: Pick<KeyState, 'get'>): Profile {
  return state.get<Profile>(PROFILE) ?? nothing;
}

/** The customer's time zone: of the trait `timezone`, else of his devices; undefined if neither is known. */
export function timeZoneOf({ traits, zone }: Profile): string | undefined {
  const value: unknown = JSON.parse(traits['timezone']?.value ?? 'null');
  return (typeof value === 'string' && isZone(value) ? value : undefined) ?? zone?.value;
}

function isNewer(value: TraitValue, than: TraitValue | undefined): boolean {
  if (than === undefined) return true;
  return value.occurredAt > than.occurredAt || (value.occurredAt === than.occurredAt && value.messageId > than.messageId);
}

function reported(customer: string, trait: string, value: TraitValue): ProfileChange {
  return { customer, trait, ...value };
}

const dayMs = 86_400_000;

/** The time zone that an event's context tells of the device, unchecked. */
export function deviceZone(context: string): string | undefined {
  return /"timezone"\s*:\s*"([A-Za-z0-9_+\-/]+)"/.exec(context)?.[1];
}

function contextZone({ context, occurredAt }: TaggedEvent): Zone | undefined {
  const value = deviceZone(context);
  return value !== undefined && isZone(value) ? { value, day: Math.floor(occurredAt / dayMs) * dayMs } : undefined;
}

function isLater(zone: Zone, than: Zone | undefined): boolean {
  return than === undefined || zone.day > than.day || (zone.day === than.day && zone.value > than.value);
}
