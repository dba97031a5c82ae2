import type { IdentityChange, MergeMarker } from '../../schemas/generated/types.ts';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { type Component, withEdge } from './component.ts';
import { isWord } from './cuts.ts';
import type { Division, DivisionDetail } from './division.ts';
import type { Ask } from './messages.ts';
import { spansOf, tellPairs } from './pairs.ts';
import { type Edge, isVoid, partition, type Refusal } from './partition.ts';
import { type Merge, settle, type Settled } from './settle.ts';
import { saveComponent, type Site } from './site.ts';
import { lastCustomer, type Timeline } from './timeline.ts';

/**
 * The root takes an edge in, derives the customers anew, and tells everyone concerned, in one transaction: members their
 * timelines, ending customers and their heirs the markers of the merge or division, primary identifiers how their pairs stand.
 */
export function decide(site: Site, before: Component, ask: Ask | undefined, at = ask?.at ?? 0): void {
  const word = ask?.word;
  if (ask && !word && before.edges.length >= site.rules.maxEdges) {
    saveComponent(site, before);
    return refuse(site, ask, 'the component has too many edges');
  }
  const settled = settle(ask ? withEdge(before, ask, site.rules) : before, site.rules, at, word === 'apart');
  const { component, merges, divisions, relabelled } = settled;
  saveComponent(site, component);
  for (const merge of merges) announce(site, merge, at, ask?.cause ?? null);
  for (const division of divisions) divide(site, division);
  tellMembers(site, settled);
  tellPairs(site, before, settled, ask);
  if (ask && word) reportWord(site, settled, ask);
  else if (ask) {
    const closed = isVoid(ask, component.members, settled.partition.crowded);
    const foreign = closed ? [] : spansOf(component, settled.partition, ask, site.rules);
    site.send(ask.x, { kind: 'answer', y: ask.y, at: ask.at, foreign, closed });
    reportLink(site, settled, ask);
  }
  if (ask) reportUndone(site, before, settled, ask);
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

export const apartReason = 'an operator has set them apart';
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

/** Both where the heirs' events lie and where the customer's do; what it did before is recomputed behind the seals. */
function divide(site: Site, { customer, heirs, holders, shares, since }: Division): void {
  for (const heir of heirs) marker(site, heir, { kind: 'opening', loser: customer, winner: heir, members: [] });
  const detail = JSON.stringify({ heirs, shares, since } satisfies DivisionDetail);
  marker(site, customer, { kind: 'dividing', loser: customer, winner: '', members: holders, detail });
  site.context.count('divisions');
}

type Marker = Omit<MergeMarker, 'detail' | 'members'> & { readonly members: readonly string[]; readonly detail?: string };

/** Writes a control record of a merge between the events of a customer. */
export function marker({ context }: Site, customer: string, { members, ...value }: Marker): void {
  const whole = { detail: '', ...value, members: [...members] };
  context.forward(topics.eventsIdentified, customer, { customer, event: null, marker: whole }, { marker: value.kind });
}

function tellMembers(site: Site, { merges, divisions, relabelled, crowded, component }: Settled): void {
  const seals = new Map<string, { loser: string; winner: string }[]>();
  const ends = [...merges, ...divisions.map(({ customer, holders }) => ({ loser: customer, winner: '', holders }))];
  for (const { loser, winner, holders } of ends) {
    for (const key of holders) seals.set(key, [...(seals.get(key) ?? []), { loser, winner }]);
  }
  for (const key of new Set([...relabelled.keys(), ...seals.keys(), ...crowded])) {
    const timeline = component.labels.get(key) ?? null;
    const isCrowded = component.crowded.has(key);
    site.send(key, { kind: 'label', root: site.key, timeline, seals: seals.get(key) ?? [], crowded: isCrowded });
  }
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

/** What the word of an operator has changed: to each heir of a customer whom it ended, or to nobody. */
function reportWord(site: Site, { component, divisions, merges }: Settled, ask: Ask): void {
  const common = { occurredAt: ask.at, messageId: ask.cause };
  const [one, two] = [ownerOf(component, ask.x), ownerOf(component, ask.y)];
  const ofTwo = {
    ...common,
    customer: one || customerId(ask.x),
    other: two === one ? null : two || null,
    identifiers: [ask.x, ask.y],
  };
  if (ask.word === 'together') {
    const after = merges.length > 0 ? ', so that what links them counts again' : '';
    report(site, { ...ofTwo, kind: 'unsplit', reason: `an operator has taken the split back${after}` });
  } else if (divisions.length === 0) report(site, { ...ofTwo, kind: 'apart', reason: 'an operator has set them apart' });
  for (const { customer, heirs } of divisions) {
    for (const heir of heirs) {
      const identifiers = [...component.labels].flatMap(([key, timeline]) => (lastCustomer(timeline) === heir ? [key] : []));
      const reason = 'an operator has set identifiers of theirs apart';
      report(site, { ...common, kind: 'split', customer: heir, other: customer, identifiers, reason });
    }
  }
}

function reportRefusal(site: Site, component: Component, { edge: { x, y, at, cause }, kind }: Refusal): void {
  report(site, {
    kind: 'refused',
    customer: ownerOf(component, x),
    other: ownerOf(component, y) || null,
    identifiers: [x, y],
    reason: kind === null ? apartReason : `one customer would have too many identifiers of the kind ${kind}`,
    occurredAt: at,
    messageId: cause,
  });
}

function isSame(a: Pick<Edge, 'x' | 'y' | 'at' | 'word'>, b: Pick<Edge, 'x' | 'y' | 'at' | 'word'>): boolean {
  return a.x === b.x && a.y === b.y && a.at === b.at && isWord(a) === isWord(b);
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
