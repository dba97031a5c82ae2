import type { Context, Processor } from '../../runtime/processor.ts';
import type { StreamRecord } from '../../runtime/record.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { onEdge, onFind, onFounded, onJoin, onVoid } from './evidence.ts';
import { identifiersOf, onEvent, onRouted, onTaken, type KnownIdentifier } from './events.ts';
import { defaultIdentity, type IdentityRules } from './identity.ts';
import { linkPart, onAnswer, onLabel } from './member.ts';
import type { Message } from './messages.ts';
import { forgetSpan, rememberParts } from './remember.ts';
import { COMPONENT, NODE, type Site, siteOf } from './site.ts';

export interface StitchConfig {
  /** The deployment's secret behind opaque keys. */
  readonly secret: string;
  readonly identity?: IdentityRules;
}

/**
 * Gives every event its customer, once. Events repeated under the same messageId are dropped; the others are labelled at
 * once, in order per identifier. Identifiers seen together become one customer, as PROTOCOLS of identity say: the result
 * is the same in every order of arrival, and traffic of known customers costs no message.
 */
export function stitchIdentity(config: StitchConfig): Processor {
  const rules = config.identity ?? defaultIdentity;
  const keyed = new WeakMap<TaggedEvent, readonly KnownIdentifier[]>();
  const keysOf = (event: TaggedEvent, key: string): readonly KnownIdentifier[] => {
    const known = keyed.get(event) ?? identifiersOf(event, key, config.secret, rules);
    keyed.set(event, known);
    return known;
  };
  return {
    name: 'stitch-identity',
    inputs: [topics.eventsTagged, topics.identityLinks],
    outputs: [topics.eventsIdentified, topics.identityLinks, topics.identityChanges],
    upstream: ['source'],
    parts: (record) => {
      if (record.value === null) return [];
      if (record.topic !== topics.eventsTagged.name) return messageParts(record.value as Message);
      const others = keysOf(record.value as TaggedEvent, record.key).slice(1);
      return [NODE, ...rememberParts(record.timestamp, rules.rememberMs), ...others.map(({ key }) => linkPart(key))];
    },
    process: (record, context) => {
      if (record.value === null) return context.reject('validate', 'expected a value, found none');
      const own: Message[] = [];
      const site = siteOf(record.key, context, rules, own);
      if (record.topic === topics.eventsTagged.name) {
        const event = record.value as TaggedEvent;
        onEvent(site, event, keysOf(event, record.key), record.timestamp);
      } else receive(site, record.value as Message, record, config.secret);
      for (let next = own.shift(); next; next = own.shift()) receive(site, next, record, config.secret);
    },
    onTimer: (timer, context: Context) => {
      forgetSpan(context.state, timer.part);
    },
  };
}

function messageParts(message: Message): readonly string[] {
  switch (message.kind) {
    case 'label':
      return [NODE];
    case 'answer':
      return [NODE, linkPart(message.y)];
    case 'event':
    case 'taken':
      return [];
    default:
      return [NODE, COMPONENT];
  }
}

function receive(site: Site, message: Message, record: StreamRecord, secret: string): void {
  switch (message.kind) {
    case 'edge':
      return onEdge(site, message.ask);
    case 'find':
      return onFind(site, message);
    case 'void':
      return onVoid(site, message.ask);
    case 'join':
      return onJoin(site, message);
    case 'founded':
      return onFounded(site, message);
    case 'label':
      return onLabel(site, message);
    case 'answer':
      return onAnswer(site, message);
    case 'event':
      return onRouted(site, message.event, message.from, secret, site.rules, record.timestamp);
    case 'taken':
      return onTaken(site, message.messageId);
  }
}
