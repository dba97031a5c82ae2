import { customerId, hashId } from '../../schemas/keys.ts';
import type { Component, LiveCustomer } from './component.ts';
import { type Division, dividedCustomers, knownSince, shares } from './division.ts';
import type { IdentityRules } from './identity.ts';
import { byRank, type Partition, partition } from './partition.ts';
import { ALWAYS, type Segment, sameTimeline, tidy, type Timeline } from './timeline.ts';

/** `loser` ends and its state goes to `winner`, once every holder has sealed it. */
export interface Merge {
  readonly loser: string;
  readonly winner: string;
  readonly holders: readonly string[];
}

export interface Settled {
  readonly component: Component;
  readonly partition: Partition;
  readonly merges: readonly Merge[];
  readonly divisions: readonly Division[];
  /** Members whose timeline differs from what they were last told. */
  readonly relabelled: ReadonlyMap<string, Timeline>;
  /** Members that are crowded and were not before. */
  readonly crowded: readonly string[];
}

/**
 * Gives the groups of the partition their customers. A live customer stays with the group of its founder; of several in
 * one group that of the highest kind survives, then the one first seen, then the smaller id, and the others merge into it.
 * A group that was split off begins anew under an id never used before. With `divides` a customer whose records belong to several
 * groups now ends, and each of these begins anew or goes on as the customer that it has.
 */
export function settle(component: Component, rules: IdentityRules, at: number, divides = false): Settled {
  const parts = partition(component.members, component.edges, rules);
  const live = new Map<string, LiveCustomer>(component.live);
  const founded = new Map(component.founded);
  const candidates = parts.groups.map((): string[] => []);
  const divided = divides ? dividedCustomers(component, parts) : new Map<string, ReadonlySet<number>>();
  for (const [customer, { founder }] of live) {
    if (!divided.has(customer)) candidates[parts.home.get(founder) ?? 0]?.push(customer);
  }

  const needed = neededGroups(component, parts);
  const merges: Merge[] = [];
  const owners = parts.groups.map((group, i) => {
    const [winner, ...losers] = candidates[i]?.sort(survivorFirst(component)) ?? [];
    for (const loser of losers) merges.push({ loser, winner: winner ?? '', holders: component.holders.get(loser) ?? [] });
    if (winner !== undefined || !needed.has(i)) return winner;
    const founder = [...group].sort((a, b) => byRank([a, rankOf(component, a)], [b, rankOf(component, b)]))[0] ?? '';
    const count = (founded.get(founder) ?? 0) + 1;
    const customer = customerId(hashId('again', founder, count));
    founded.set(founder, count);
    live.set(customer, { founder, seen: at });
    return customer;
  });

  const labels = new Map(component.labels);
  const holders = new Map(component.holders);
  for (const ended of [...merges.map(({ loser }) => loser), ...divided.keys()]) {
    live.delete(ended);
    holders.delete(ended);
  }
  const relabelled = new Map<string, Timeline>();
  for (const key of component.members.keys()) {
    const timeline = timelineOf(key, parts, owners);
    if (timeline === undefined || sameTimeline(labels.get(key), timeline)) continue;
    labels.set(key, timeline);
    relabelled.set(key, timeline);
    for (const [, customer] of timeline) {
      const known = holders.get(customer) ?? [];
      if (!known.includes(key)) holders.set(customer, [...known, key]);
    }
  }
  const divisions = [...divided].map(([customer, groups]): Division => {
    const heirs = [...groups].sort((a, b) => a - b).flatMap((group) => owners[group] ?? []);
    const ended = { customer, holders: component.holders.get(customer) ?? [], since: knownSince(component, customer) };
    return { ...ended, heirs, shares: shares(labels, heirs) };
  });
  const crowded = [...parts.crowded].filter((key) => !component.crowded.has(key));
  return {
    component: { ...component, live, founded, labels, holders, crowded: new Set([...component.crowded, ...crowded]) },
    partition: parts,
    merges,
    divisions,
    relabelled,
    crowded,
  };
}

/** Groups that must have a customer: one of them has labelled events, or belongs to another group for a time. */
function neededGroups(component: Component, parts: Partition): ReadonlySet<number> {
  const needed = new Set<number>();
  for (const key of component.labels.keys()) needed.add(parts.home.get(key) ?? 0);
  for (const [key, moves] of parts.moves) {
    needed.add(parts.home.get(key) ?? 0);
    for (const [, group] of moves) needed.add(group);
  }
  return needed;
}

function timelineOf(key: string, parts: Partition, owners: readonly (string | undefined)[]): Timeline | undefined {
  const first = owners[parts.home.get(key) ?? 0];
  if (first === undefined) return undefined;
  const later = (parts.moves.get(key) ?? []).map(([at, group]): Segment => [at, owners[group] ?? first]);
  return tidy([[ALWAYS, first], ...later]);
}

function survivorFirst({ live, members }: Component): (a: string, b: string) => number {
  return (a, b) => {
    const [one, two] = [live.get(a), live.get(b)];
    const rank = (customer: LiveCustomer | undefined): number => members.get(customer?.founder ?? '')?.rank ?? 0;
    return rank(two) - rank(one) || (one?.seen ?? 0) - (two?.seen ?? 0) || (a < b ? -1 : 1);
  };
}

function rankOf({ members }: Component, key: string): number {
  return members.get(key)?.rank ?? 0;
}
