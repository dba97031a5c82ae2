import type { HandoverMarker } from '../../runtime/handover.ts';
import type { MergeMarker } from '../../schemas/generated/types.ts';
import type { Component } from './component.ts';
import type { Partition } from './partition.ts';
import { ALWAYS, NEVER, type Segment, tidy, type Timeline } from './timeline.ts';

/** `customer` ends, once every holder has sealed it, and each of its records belongs to one of the heirs. */
export interface Division {
  readonly customer: string;
  readonly heirs: readonly string[];
  readonly holders: readonly string[];
  /** By identifier that labelled records with the customer, or may have: to which heir they belong, by event time. */
  readonly shares: readonly (readonly [key: string, timeline: Timeline])[];
  /** Event time since which it was known, at the latest. */
  readonly since: number;
}

/** `detail` of the marker `dividing`. */
export type DivisionDetail = Pick<Division, 'heirs' | 'shares' | 'since'>;

/** A control record as `withHandover` of the runtime knows it; commands are none of its concern. */
export function handoverMarker(marker: MergeMarker | null): HandoverMarker | undefined {
  if (marker === null || marker.kind === 'command') return undefined;
  const { kind, loser, winner, members } = marker;
  const { heirs } = kind === 'dividing' ? (JSON.parse(marker.detail) as DivisionDetail) : {};
  return { kind, loser, winner, members, ...(heirs && { heirs }) };
}

/** Customers whose records belong to several groups now: by customer, the groups. */
export function dividedCustomers(component: Component, parts: Partition): ReadonlyMap<string, ReadonlySet<number>> {
  const divided = new Map<string, ReadonlySet<number>>();
  for (const customer of component.live.keys()) {
    const groups = new Set<number>();
    for (const key of component.holders.get(customer) ?? []) {
      const timeline = component.labels.get(key) ?? [];
      const now = [[ALWAYS, parts.home.get(key) ?? 0] as const, ...(parts.moves.get(key) ?? [])];
      timeline.forEach(([from, owner], i) => {
        const to = timeline[i + 1]?.[0] ?? NEVER;
        now.forEach(([start, group], j) => {
          const end = now[j + 1]?.[0] ?? NEVER;
          if (owner === customer && start < end && start < to && end > from) groups.add(group);
        });
      });
    }
    if (groups.size > 1) divided.set(customer, groups);
  }
  return divided;
}

/** Event time of the first event or sighting that is known of a customer. */
export function knownSince({ live, edges, holders }: Component, customer: string): number {
  const own = new Set(holders.get(customer));
  const sightings = edges.filter(({ x, y, word }) => word === undefined && (own.has(x) || own.has(y)));
  return Math.min(live.get(customer)?.seen ?? Number.MAX_SAFE_INTEGER, ...sightings.map(({ at }) => at));
}

/** Where an identifier belongs to none of the heirs now, as it has changed hands since, its records are the first heir's that it belongs to. */
export function shares(labels: ReadonlyMap<string, Timeline>, heirs: readonly string[]): Division['shares'] {
  return [...labels].flatMap(([key, timeline]) => {
    const first = timeline.find(([, customer]) => heirs.includes(customer))?.[1];
    if (first === undefined) return [];
    return [
      [key, tidy(timeline.map(([from, customer]): Segment => [from, heirs.includes(customer) ? customer : first]))] as const,
    ];
  });
}
