import { marker } from './decide.ts';
import { onEdge } from './evidence.ts';
import { answer, type Link } from './links.ts';
import type { Message } from './messages.ts';
import { NODE, type Node, nodeOf, type Site } from './site.ts';

/** The part that holds what a primary identifier remembers of another. */
export function linkPart(y: string): string {
  return `e${y}`;
}

function pendingPart(y: string, at: number): string {
  return `p${y}.${at}`;
}

/** Sends a sighting to the root. Until it is decided it holds the claim: nothing fires between a link and what follows from it. */
export function ask(site: Site, node: Node, y: string, link: Link, at: number, cause: string | null): void {
  site.context.state.set(pendingPart(y, at), 1, { hold: { source: link.source, at } });
  onEdge(site, { x: site.key, y, xKind: node.kind, yKind: link.kind, at, cause });
}

/** The root has decided on a sighting, or tells that a moving identifier has gone elsewhere. */
export function onAnswer(site: Site, { y, at, foreign, closed }: Extract<Message, { kind: 'answer' }>): void {
  const { state } = site.context;
  const [node, link] = [nodeOf(site), state.get<Link>(linkPart(y))];
  if (at !== null) state.delete(pendingPart(y, at));
  if (!node || !link) return;
  const next = answer(link, at, foreign, closed);
  state.set(linkPart(y), next.link);
  for (const sighting of next.send) ask(site, node, y, next.link, sighting, null);
}

/** From now on events belong as the root says; customers that end are sealed behind the last event labelled with them. */
export function onLabel(site: Site, { root, timeline, seals, crowded }: Extract<Message, { kind: 'label' }>): void {
  const node = nodeOf(site);
  if (!node) return site.context.reject('process', 'an identifier that is not known cannot be labelled');
  const parent = node.parent === null ? null : root;
  site.context.state.set<Node>(NODE, { ...node, parent, timeline: timeline ?? node.timeline, crowded });
  for (const { loser, winner } of seals) marker(site, loser, { kind: 'sealed', loser, winner, members: [site.key] });
}
