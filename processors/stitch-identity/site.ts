import type { Context } from '../../runtime/processor.ts';
import { topics } from '../../schemas/topics.ts';
import { type Component, single } from './component.ts';
import { type IdentityRules, ruleOf } from './identity.ts';
import type { Message } from './messages.ts';
import { pack, type PackedComponent, unpack } from './packed.ts';
import type { Timeline } from './timeline.ts';

/** What an identifier knows of itself. */
export interface Node {
  readonly kind: string;
  /** Fixed when first seen, so that the order of identifiers outlives a change of the rules. */
  readonly rank: number;
  /** An identifier of its component with a higher rank; null: it is the root. */
  readonly parent: string | null;
  /** To whom its events belong; null: there was none, and no link told. */
  readonly timeline: Timeline | null;
  /** Event time of the first event or link. */
  readonly seen: number;
  readonly crowded: boolean;
}

/** An identifier's key while one record of it is processed. */
export interface Site {
  readonly key: string;
  readonly context: Context;
  readonly rules: IdentityRules;
  /** To the key itself: taken up when the work at hand is done. */
  send(to: string, message: Message): void;
}

export const NODE = 'n';
export const COMPONENT = 'c';

export function nodeOf({ context }: Site): Node | undefined {
  return context.state.get<Node>(NODE);
}

/** The node, made as root of nothing but itself if this is the first that is heard of the identifier. */
export function ensureNode(site: Site, kind: string, seen: number): Node {
  const known = nodeOf(site);
  if (known) return known;
  const node: Node = { kind, rank: ruleOf(site.rules, kind).priority, parent: null, timeline: null, seen, crowded: false };
  site.context.state.set(NODE, node);
  return node;
}

/** The component of a root; one that was never linked has no part of its own for it. */
export function componentOf({ key, context }: Site, node: Node): Component {
  const packed = context.state.get<PackedComponent>(COMPONENT);
  return packed ? unpack(packed) : single(key, { kind: node.kind, rank: node.rank }, node.timeline, node.seen);
}

export function saveComponent({ context }: Site, component: Component): void {
  context.state.set<PackedComponent>(COMPONENT, pack(component));
}

/** Sends to another identifier, or later to the same. */
export function siteOf(key: string, context: Context, rules: IdentityRules, own: Message[]): Site {
  return {
    key,
    context,
    rules,
    send: (to, message) => {
      if (to === key) own.push(message);
      else context.forward(topics.identityLinks, to, message);
    },
  };
}
