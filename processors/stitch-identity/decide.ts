import type { IdentityChange, MergeMarker } from '../../schemas/generated/types.ts';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { type Component, isMovingPair, withEdge } from './component.ts';
import type { Ask } from './messages.ts';
import { type Edge, isVoid, partition, type Refusal } from './partition.ts';
import { type Merge, settle, type Settled } from './settle.ts';
import { saveComponent, type Site } from './site.ts';
import { foreignSpans, type Interval, lastCustomer, sameSpans, type Timeline } from './timeline.ts';

/**
 * The root takes an edge in, derives the customers anew, and tells everyone concerned, in one transaction: members their
 * timelines, ending customers and their heirs the markers of the merge, primary identifiers how their pairs stand.
 */
export function decide(site: Site, before: Component, ask: Ask | undefined, at = ask?.at ?? 0): void {
  if (ask && before.edges.length >= site.rules.maxEdges) {
    saveComponent(site, before);
    return refuse(site, ask, 'the component has too many edges');
  }
  const settled = settle(ask ? withEdge(before, ask, site.rules) : before, site.rules, at);
  const { component, merges, relabelled } = settled;
  saveComponent(site, component);
  for (const merge of merges) announce(site, merge, at, ask?.cause ?? null);
  tellMembers(site, settled);
  tellPairs(site, before, settled, ask);
  if (ask) {
    const closed = isVoid(ask, component.members, settled.partition.crowded);
    const foreign = closed ? [] : spansOf(component, ask, site);
    site.send(ask.x, { kind: 'answer', y: ask.y, at: ask.at, foreign, closed });
    reportLink(site, settled, ask);
    reportUndone(site, before, settled, ask);
  }
  for (const [key, timeline] of relabelled) reportMove(site, settled, key, before.labels.get(key), timeline, at);
  for (const key of settled.crowded)
    report(site, {
      kind: 'super-node',
      customer: ownerOf(component, key),
      identifiers: [key],
      reason: `more than ${site.rules.maxNeighbours} neighbours: its links are void`,
      occurredAt: at,
    });
}

export const crowdedReason = 'an identifier with too many neighbours links nobody';

/** Answers that an edge is not taken, and why. */
export function refuse(site: Site, ask: Ask, reason: string): void {
  site.context.count('links', { outcome: 'refused' });
  site.send(ask.x, { kind: 'answer', y: ask.y, at: ask.at, foreign: [], closed: true });
  report(site, {
    kind: 'refused',
    customer: customerId(ask.x),
    identifiers: [ask.x, ask.y],
    reason,
    occurredAt: ask.at,
    messageId: ask.cause,
  });
}

function announce(site: Site, { loser, winner, holders }: Merge, at: number, messageId: string | null): void {
  marker(site, winner, { kind: 'opening', loser, winner, members: [] });
  marker(site, loser, { kind: 'closing', loser, winner, members: holders });
  site.context.count('merges');
  report(site, {
    kind: 'merged',
    customer: winner,
    other: loser,
    identifiers: holders,
    reason: 'their identifiers were seen together',
    occurredAt: at,
    messageId,
  });
}

/** Writes a control record of a merge between the events of a customer. */
export function marker({ context }: Site, customer: string, value: MergeMarker): void {
  context.forward(topics.eventsIdentified, customer, { customer, event: null, marker: value }, { marker: value.kind });
}

function tellMembers(site: Site, { merges, relabelled, crowded, component }: Settled): void {
  const seals = new Map<string, { loser: string; winner: string }[]>();
  for (const { loser, winner, holders } of merges) {
    for (const key of holders) seals.set(key, [...(seals.get(key) ?? []), { loser, winner }]);
  }
  for (const key of new Set([...relabelled.keys(), ...seals.keys(), ...crowded])) {
    const timeline = component.labels.get(key) ?? null;
    const isCrowded = component.crowded.has(key);
    site.send(key, { kind: 'label', root: site.key, timeline, seals: seals.get(key) ?? [], crowded: isCrowded });
  }
}

/** Whoever was seen with a moving identifier is told when it has gone to another customer, and since when. */
function tellPairs(site: Site, before: Component, { component, relabelled }: Settled, ask: Ask | undefined): void {
  const told = new Set<string>(ask ? [pairOf(ask)] : []);
  for (const edge of component.edges) {
    if (told.has(pairOf(edge)) || !(relabelled.has(edge.x) || relabelled.has(edge.y))) continue;
    told.add(pairOf(edge));
    const foreign = spansOf(component, edge, site);
    if (sameSpans(spansOf(before, edge, site), foreign)) continue;
    site.send(edge.x, { kind: 'answer', y: edge.y, at: null, foreign, closed: false });
  }
}

function spansOf({ labels, members }: Component, { x, y }: Edge, { rules }: Site): readonly Interval[] {
  const [one, two] = [labels.get(x), labels.get(y)];
  if (!one || !two || !isMovingPair(rules, members.get(x)?.kind, members.get(y)?.kind)) return [];
  return foreignSpans(one, two);
}

function pairOf({ x, y }: Edge): string {
  return `${x}/${y}`;
}

function ownerOf({ labels }: Component, key: string): string {
  return lastCustomer(labels.get(key) ?? []);
}

function reportLink(site: Site, { component, partition: parts }: Settled, ask: Ask): void {
  const refusal = parts.refused.find(({ edge }) => isSame(edge, ask));
  const nothing = isVoid(ask, component.members, parts.crowded);
  site.context.count('links', { outcome: refusal || nothing ? 'refused' : 'taken' });
  const common = { customer: ownerOf(component, ask.x), identifiers: [ask.x, ask.y], occurredAt: ask.at, messageId: ask.cause };
  if (refusal) reportRefusal(site, component, refusal);
  else if (nothing) report(site, { ...common, kind: 'refused', reason: crowdedReason });
  else report(site, { ...common, kind: 'linked', reason: `${ask.xKind} and ${ask.yKind} were seen together` });
}

/** Links that had been taken and are refused now, since one came to light that is older. */
function reportUndone(site: Site, before: Component, { component, partition: parts }: Settled, ask: Ask): void {
  const others = parts.refused.filter(({ edge }) => !isSame(edge, ask));
  if (others.length === 0) return;
  const known = partition(before.members, before.edges, site.rules).refused;
  for (const refusal of others) {
    if (known.some(({ edge }) => isSame(edge, refusal.edge))) continue;
    site.context.count('links', { outcome: 'undone' });
    reportRefusal(site, component, refusal);
  }
}

function reportRefusal(site: Site, component: Component, { edge: { x, y, at, cause }, kind }: Refusal): void {
  report(site, {
    kind: 'refused',
    customer: ownerOf(component, x),
    other: ownerOf(component, y) || null,
    identifiers: [x, y],
    reason: `one customer would have too many identifiers of the kind ${kind}`,
    occurredAt: at,
    messageId: cause,
  });
}

function isSame(a: Pick<Edge, 'x' | 'y' | 'at'>, b: Pick<Edge, 'x' | 'y' | 'at'>): boolean {
  return a.x === b.x && a.y === b.y && a.at === b.at;
}

/** A member that left a customer which goes on. */
function reportMove(site: Site, { component }: Settled, key: string, was: Timeline | undefined, is: Timeline, at: number): void {
  const [from, to] = [lastCustomer(was ?? []), lastCustomer(is)];
  if (from === to || !component.live.has(from)) return;
  site.context.count('moves');
  report(site, {
    kind: 'moved',
    customer: to,
    other: from,
    identifiers: [key],
    reason: 'it belongs to its later owner',
    occurredAt: is.at(-1)?.[0] === Number.MIN_SAFE_INTEGER ? at : (is.at(-1)?.[0] ?? at),
  });
}

type Report = Pick<IdentityChange, 'kind' | 'customer' | 'identifiers' | 'reason' | 'occurredAt'> & Partial<IdentityChange>;

/** Tells what was found; no state depends on it. */
export function report({ context }: Site, change: Report): void {
  context.forward(topics.identityChanges, change.customer, { other: null, messageId: null, ...change });
}
