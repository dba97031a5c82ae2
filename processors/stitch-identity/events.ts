import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { customerId, hashId, opaqueKey } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { isMovingPair } from './component.ts';
import type { Word } from './cuts.ts';
import { marker, report } from './decide.ts';
import { onEdge, onFounded } from './evidence.ts';
import { isBlocked, type IdentityRules } from './identity.ts';
import { type Link, sight } from './links.ts';
import { ask, linkPart } from './member.ts';
import { seenBefore } from './remember.ts';
import { COMPONENT, ensureNode, NODE, type Node, nodeOf, type Site } from './site.ts';
import { always, customerAt, lastCustomer } from './timeline.ts';

export interface KnownIdentifier {
  readonly kind: string;
  readonly key: string;
  readonly blocked: boolean;
}

/** The identifiers of an event by their keys, each once; the first is the primary one, whose key the record has. */
export function identifiersOf(
  event: TaggedEvent,
  primary: string,
  secret: string,
  rules: IdentityRules,
): readonly KnownIdentifier[] {
  const known = new Map<string, KnownIdentifier>();
  event.identifiers.forEach(({ kind, value }, i) => {
    const key = i === 0 ? primary : opaqueKey(secret, kind, value);
    if (!known.has(key)) known.set(key, { kind, key, blocked: isBlocked(rules, kind, value) });
  });
  return [...known.values()];
}

/** An event at its primary identifier. `at` is the broker time of its record. */
export function onEvent(site: Site, event: TaggedEvent, identifiers: readonly KnownIdentifier[], at: number): void {
  const [primary, ...others] = identifiers;
  if (!primary) return site.context.reject('process', 'the event has no identifier');
  const word = words[event.type];
  if (word !== undefined) return onCommand(site, event, word, identifiers, at);
  const usable = others.filter(({ blocked }) => !blocked);
  if (!primary.blocked) return take(site, event, primary.kind, usable, at);
  const [next] = usable;
  if (!next) return site.context.reject('process', 'all identifiers of the event are values that name nobody');
  site.context.count('rerouted');
  site.context.state.set(routedPart(event.messageId), 1, { hold: { source: event.source, at: event.occurredAt } });
  site.send(next.key, { kind: 'event', event, from: site.key });
}

/** Types of commands, which no source can bring in. */
const words: Readonly<Record<string, Word>> = { split: 'apart', unsplit: 'together' };

/** An operator's word on two identifiers: a fact like any other, told in the history of the first one's customer. */
function onCommand(site: Site, event: TaggedEvent, word: Word, identifiers: readonly KnownIdentifier[], at: number): void {
  const [one, other] = identifiers;
  const { context, rules, key } = site;
  if (!one || !other || one.blocked || other.blocked)
    return context.reject('process', 'a command on identities names two identifiers of somebody');
  if (seenBefore(context.state, event.messageId, at, rules.rememberMs)) return context.count('duplicates');
  const node = ensureNode(site, one.kind, event.occurredAt);
  const customer = lastCustomer(node.timeline ?? always(customerId(key)));
  const { messageId: id, occurredAt, properties } = event;
  const detail = JSON.stringify({ id, word, occurredAt, ...(JSON.parse(properties) as object) } satisfies CommandDetail);
  marker(site, customer, { kind: 'command', loser: '', winner: '', members: [one.key, other.key], detail });
  onEdge(site, { x: key, y: other.key, xKind: one.kind, yKind: other.kind, at: occurredAt, cause: id, word });
}

/** `detail` of the marker `command`, whose members are the two identifiers; with who gave it and why, where that was said. */
export interface CommandDetail {
  readonly id: string;
  readonly word: Word;
  readonly occurredAt: number;
  readonly author?: string;
  readonly reason?: string;
}

/** An event whose primary identifier names nobody arrives at the next one. */
export function onRouted(site: Site, event: TaggedEvent, from: string, secret: string, rules: IdentityRules, at: number): void {
  site.send(from, { kind: 'taken', messageId: event.messageId });
  const identifiers = identifiersOf(event, from, secret, rules).filter(({ blocked }) => !blocked);
  const own = identifiers.find(({ key }) => key === site.key);
  const others = identifiers.filter(({ key }) => key !== site.key);
  take(site, event, own?.kind ?? '', others, at);
}

export function onTaken({ context }: Site, messageId: string): void {
  context.state.delete(routedPart(messageId));
}

function routedPart(messageId: string): string {
  return `r${hashId(messageId)}`;
}

function take(site: Site, event: TaggedEvent, kind: string, others: readonly KnownIdentifier[], at: number): void {
  const { context, rules } = site;
  if (seenBefore(context.state, event.messageId, at, rules.rememberMs)) return context.count('duplicates');
  const { timeline } = owned(site, ensureNode(site, kind, event.occurredAt));
  const customer = customerAt(timeline, event.occurredAt);
  context.forward(topics.eventsIdentified, customer, { customer, event, marker: null });
  for (const other of others) {
    const node = nodeOf(site);
    const before = context.state.get<Link>(linkPart(other.key));
    const moving = isMovingPair(rules, kind, other.kind);
    const { link, send } = sight(
      before,
      { at: event.occurredAt, kind: other.kind, source: event.source },
      moving,
      rules.sightingsEveryMs,
    );
    if (link) context.state.set(linkPart(other.key), link);
    if (send && link && node) ask(site, node, other.key, link, event.occurredAt, event.messageId);
  }
}

/** An identifier with an event of its own and no customer yet begins one, and its root hears of it. */
function owned(site: Site, node: Node): Node & { readonly timeline: NonNullable<Node['timeline']> } {
  if (node.timeline !== null) return { ...node, timeline: node.timeline };
  const { key, context } = site;
  const customer = customerId(key);
  const founded = { ...node, timeline: always(customer) };
  context.state.set<Node>(NODE, founded);
  report(site, {
    kind: 'created',
    customer,
    identifiers: [key],
    reason: `first event of this ${node.kind}`,
    occurredAt: node.seen,
  });
  const isAlone = node.parent === null && context.state.get(COMPONENT) === undefined;
  if (!isAlone) onFounded(site, { kind: 'founded', key, customer, seen: node.seen });
  return founded;
}
