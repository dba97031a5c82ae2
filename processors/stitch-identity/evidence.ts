import { type Component, unite, withCustomer } from './component.ts';
import { crowdedReason, decide, refuse } from './decide.ts';
import type { Ask, Message } from './messages.ts';
import { pack, unpack } from './packed.ts';
import { byRank } from './partition.ts';
import { COMPONENT, componentOf, ensureNode, NODE, type Node, nodeOf, saveComponent, type Site } from './site.ts';
import { always } from './timeline.ts';

/**
 * Evidence components: identifiers seen together end under one root, the highest of them, in any order of arrival. Whoever
 * is not a root hands on upwards; ranks only rise along that way, so it ends, and a root becomes a member once in its life.
 */
export function onEdge(site: Site, ask: Ask): void {
  const node = ensureNode(site, ask.xKind, ask.at);
  if (node.parent !== null) return site.send(node.parent, { kind: 'edge', ask });
  const component = componentOf(site, node);
  const other = [ask.x, ask.y].find((key) => !component.members.has(key));
  if (other === undefined) return decide(site, component, ask);
  const isCrowded = component.crowded.has(ask.x) || component.crowded.has(ask.y);
  if (isCrowded) return site.send(other, { kind: 'void', ask });
  site.send(other, { kind: 'find', ask, root: site.key, rank: node.rank, edges: component.edges.length });
}

/** One end is crowded, so the other does not join it, but counts it among its neighbours. */
export function onVoid(site: Site, ask: Ask): void {
  const node = ensureNode(site, site.key === ask.x ? ask.xKind : ask.yKind, ask.at);
  if (node.parent !== null) return site.send(node.parent, { kind: 'void', ask });
  const component = componentOf(site, node);
  const ends = [ask.x, ask.y].filter((key) => component.members.has(key));
  if (ends.every((key) => component.crowded.has(key))) return refuse(site, ask, crowdedReason);
  decide(site, component, ask);
}

export function onFind(site: Site, message: Extract<Message, { kind: 'find' }>): void {
  const { ask, root, rank } = message;
  const node = ensureNode(site, site.key === ask.x ? ask.xKind : ask.yKind, ask.at);
  const isEnd = site.key === ask.x || site.key === ask.y;
  if (isEnd && node.crowded) return site.send(root, { kind: 'void', ask });
  if (node.parent !== null) return site.send(node.parent, message);
  if (site.key === root) return onEdge(site, ask);
  const component = componentOf(site, node);
  if (component.edges.length + message.edges >= site.rules.maxEdges) return refuse(site, ask, 'the component has too many edges');
  const isLower = byRank([root, rank], [site.key, node.rank]) < 0;
  if (isLower) hook(site, node, component, root, ask);
  else site.send(root, { ...message, root: site.key, rank: node.rank, edges: component.edges.length });
}

function hook(site: Site, node: Node, component: Component, root: string, ask: Ask): void {
  site.context.state.set(NODE, { ...node, parent: root });
  site.context.state.delete(COMPONENT);
  site.send(root, { kind: 'join', ask, component: pack(component) });
}

export function onJoin(site: Site, message: Extract<Message, { kind: 'join' }>): void {
  const node = nodeOf(site);
  if (!node) return site.context.reject('process', 'a component wants to join an identifier that is not known');
  if (node.parent !== null) return site.send(node.parent, message);
  saveComponent(site, unite(componentOf(site, node), unpack(message.component)));
  onEdge(site, message.ask);
}

/** A member began a customer of its own: its component has one more. */
export function onFounded(site: Site, message: Extract<Message, { kind: 'founded' }>): void {
  const node = nodeOf(site);
  if (!node) return site.context.reject('process', 'an identifier that is not known cannot be a root');
  if (node.parent !== null) return site.send(node.parent, message);
  const { key, customer, seen } = message;
  decide(site, withCustomer(componentOf(site, node), customer, key, always(customer), seen), undefined, seen);
}
