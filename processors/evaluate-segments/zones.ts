import type { LeafEvent } from './operator.ts';
import { firstAfter, insert, type Entry } from './sorted-log.ts';

/** A time zone as an event told it: by the trait `timezone`, or by the device. */
export interface ZoneTold extends Entry {
  readonly z: string;
  /** By a trait, which counts more than any device. */
  readonly trait?: true;
  /** By one of `zoneEvents`, else by an event that the leaf counts. */
  readonly i?: true;
}

/** The zone of a customer over time. */
export interface ZoneLine {
  at(time: number): string;
  /** Times at which it may have changed, ascending. */
  readonly changes: readonly number[];
  readonly all: readonly string[];
}

/** Events beside its own that a leaf listens to when it goes by the customer's time zone. */
export const zoneEvents = ['Identify'];

export function isZone(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: value }).format(0) !== '';
  } catch {
    return false;
  }
}

/** The log with the zone that the event tells of, if it tells of one. */
export function withZone(told: readonly ZoneTold[], event: LeafEvent): readonly ZoneTold[] {
  const { occurredAt: t, messageId: id, traits, zone } = event;
  const named = traits['timezone'];
  const by = zoneEvents.includes(event.event) ? { i: true as const } : {};
  if (isZone(named)) return insert(told, { t, id, z: named, trait: true, ...by });
  return isZone(zone) ? insert(told, { t, id, z: zone, ...by }) : told;
}

/** Without what no question about a time from `horizon` on needs. */
export function pruneZones(told: readonly ZoneTold[], horizon: number): readonly ZoneTold[] {
  const old = told.slice(0, firstAfter(told, horizon));
  const kept = [old.findLast(({ trait }) => trait === undefined), old.findLast(({ trait }) => trait)];
  const needed = old.filter((each) => kept.includes(each));
  return needed.length === old.length ? told : [...needed, ...told.slice(old.length)];
}

/** The trait told last, else what a device told last, else `otherwise`. */
export function zoneLine(told: readonly ZoneTold[], otherwise: string): ZoneLine {
  const steps: { readonly t: number; readonly z: string }[] = [];
  let byTrait = false;
  for (const { t, z, trait } of told) {
    byTrait ||= trait === true;
    if (trait === true || !byTrait) steps.push({ t, z });
  }
  return {
    at: (time) => steps.findLast(({ t }) => t <= time)?.z ?? otherwise,
    changes: steps.map(({ t }) => t),
    all: [...new Set([otherwise, ...steps.map(({ z }) => z)])],
  };
}
