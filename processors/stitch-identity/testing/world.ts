import { foldRecords } from '../../../runtime/handover-seed.ts';
import { type HandoverMessage, type SeedWish, withHandover } from '../../../runtime/handover.ts';
import { KeySimulation, seededRandom } from '../../../runtime/handover-simulation.ts';
import type { Processor } from '../../../runtime/processor.ts';
import { noHeaders, type StreamRecord } from '../../../runtime/record.ts';
import type { IdentifiedEvent, Identifier, TaggedEvent } from '../../../schemas/generated/types.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import { topics } from '../../../schemas/topics.ts';
import { handoverMarker } from '../division.ts';
import { defaultIdentity, type IdentityRules, type KindRule, ruleOf } from '../identity.ts';
import { stitchIdentity } from '../index.ts';
import { Lineage, sharesOfEvent } from '../lineage.ts';
import { byRank } from '../partition.ts';
import type { Node } from '../site.ts';

export const secret = 'a secret of tests';

/** For tests: the key of an identifier written as `kind:value`. */
export function keyOf(name: string): string {
  const [kind = '', value = ''] = name.split(':');
  return opaqueKey(secret, kind, value);
}

/** For tests: rules with other limits, and every sighting kept. */
export function rulesWith(
  limits: Readonly<Record<string, number | null>>,
  more: Partial<IdentityRules> & { readonly within?: Readonly<Record<string, number>> } = {},
): IdentityRules {
  const { within = {}, ...others } = more;
  const kinds = new Map<string, KindRule>();
  for (const [kind, rule] of defaultIdentity.kinds)
    kinds.set(kind, { ...rule, limit: limits[kind] === undefined ? rule.limit : limits[kind], withinMs: within[kind] ?? null });
  return { ...defaultIdentity, kinds, sightingsEveryMs: 0, ...others };
}

/** For tests: an event of identifiers written as `kind:value`, highest first. */
export function eventOf(
  messageId: string,
  occurredAt: number,
  names: readonly string[],
  more: Partial<TaggedEvent> = {},
): TaggedEvent {
  const identifiers = names.map((name): Identifier => {
    const [kind = '', value = ''] = name.split(':');
    return { kind, value };
  });
  const ranked = ({ kind, value }: Identifier): [string, number] => [
    opaqueKey(secret, kind, value),
    ruleOf(defaultIdentity, kind).priority,
  ];
  identifiers.sort((a, b) => byRank(ranked(a), ranked(b)));
  return {
    messageId,
    source: 'site',
    type: 'track',
    event: 'Looked Around',
    occurredAt,
    receivedAt: occurredAt,
    asOf: null,
    identifiers,
    properties: '{}',
    traits: '{}',
    context: '{}',
    flags: [],
    mode: 'live',
    origin: { topic: 'events.raw', partition: 0, offset: 0 },
    ...more,
  };
}

/** The primary key of an event, under which it is tagged. */
export function primaryOf(event: TaggedEvent): string {
  const [first] = event.identifiers;
  return first ? opaqueKey(secret, first.kind, first.value) : '';
}

/** Keeps the ids of a customer's events, and hands them over. */
export function collecting(): Processor {
  const add = (known: readonly string[] | undefined, more: readonly string[]): readonly string[] => [...(known ?? []), ...more];
  const processor: Processor = {
    name: 'collect',
    inputs: [topics.eventsIdentified],
    outputs: [],
    upstream: [],
    process: ({ value }, { state }) => {
      const { event } = value as IdentifiedEvent;
      if (event) state.set('ids', add(state.get('ids'), [event.messageId]));
    },
  };
  return withHandover(processor, {
    marker: ({ topic, value }) =>
      topic === topics.eventsIdentified.name ? handoverMarker((value as IdentifiedEvent).marker) : undefined,
    loop: topics.customersLoop,
    seeds: topics.customersSeeds,
    merge: (_key, _loser, parts, { state }) =>
      state.set('ids', add(state.get('ids'), (parts['ids'] as string[] | undefined) ?? [])),
  });
}

export interface WorldOptions {
  readonly rules: IdentityRules;
  readonly tamper?: ConstructorParameters<typeof KeySimulation>[0]['tamper'];
  /** How likely the next thing to happen is an event rather than a message under way. */
  readonly rate: number;
}

/**
 * Runs events, in the order given, through the real processor and a collecting customer, with messages in any order. Heirs of
 * divided customers get their seeds at any time after the wish, some twice. At a `rest` everything under way arrives.
 */
export function runWorld(
  seed: number,
  events: readonly (TaggedEvent | 'rest')[],
  { rules, tamper, rate }: WorldOptions,
): KeySimulation {
  const random = seededRandom(seed);
  const processors = [stitchIdentity({ secret, identity: rules }), collecting()];
  const history: IdentifiedEvent[] = [];
  const simulation = new KeySimulation({
    processors,
    random,
    tamper: (message) => {
      const given = tamper ? tamper(message) : message;
      if (given?.topic === topics.eventsIdentified.name) history.push(given.value as IdentifiedEvent);
      return given;
    },
  });
  const fulfilled = new Set<unknown>();
  const fulfil = (): boolean => {
    const wish = simulation.sent.find((message) => message.topic === topics.customersSeeds.name && !fulfilled.has(message));
    if (!wish) return false;
    if (random() < 0.7) fulfilled.add(wish);
    for (const { to, message } of seedsOf(wish.value as SeedWish, history, rules))
      simulation.send(topics.customersLoop, to, message);
    return true;
  };
  for (const event of events) {
    if (event === 'rest') {
      simulation.run();
      continue;
    }
    while (random() > rate && simulation.step());
    if (random() < 0.2) fulfil();
    simulation.send(topics.eventsTagged, primaryOf(event), event);
  }
  do simulation.run();
  while (fulfil());
  return simulation;
}

/** For tests: what a seeder sends, who has read this history. */
export function seedsOf(
  { processor, from, heirs, parts }: SeedWish,
  history: readonly IdentifiedEvent[],
  rules: IdentityRules,
): readonly { readonly to: string; readonly message: HandoverMessage }[] {
  const lineage = new Lineage();
  for (const { marker } of history) if (marker) lineage.take(marker);
  const shares = history.flatMap((value) => sharesOfEvent(value, lineage, new Set([from]), { rules, secret }));
  return heirs.map((heir) => {
    const records = shares.flatMap((share) => (share.heir === heir ? [recordOf(share.value)] : []));
    return { to: heir, message: { kind: 'seed', processor, from, parts: { ...foldRecords(collecting(), records), ...parts } } };
  });
}

const recordOf = (value: IdentifiedEvent): StreamRecord => {
  const { name: topic } = topics.eventsIdentified;
  return { topic, partition: 0, offset: 0, timestamp: 0, headers: noHeaders, key: value.customer, value };
};

/** For tests: an operator's word on two identifiers written as `kind:value`. */
export function commandOf(id: string, at: number, type: 'split' | 'unsplit', between: readonly [string, string]): TaggedEvent {
  const [one, two] = between;
  return eventOf(id, at, [one, two], { source: 'operator', type, event: 'Identity' });
}

/** What an identifier knows of itself. */
export function nodesOf(simulation: KeySimulation): (key: string) => Node | undefined {
  return (key) => simulation.state<Node>('stitch-identity', key, 'n');
}

/** To whom each identifier belongs, up to the names of customers: `from` and the identifiers that are the customer's from the beginning. */
export function foundTimelines(nodeOf: (key: string) => Node | undefined, names: readonly string[]): Record<string, string> {
  const node = (name: string): Node | undefined => nodeOf(keyOf(name));
  const homes = new Map<string, string[]>();
  for (const name of names) {
    const home = node(name)?.timeline?.[0]?.[1] ?? name;
    homes.set(home, [...(homes.get(home) ?? []), name]);
  }
  const group = (customer: string): string => (homes.get(customer) ?? ['nobody']).sort().join(' ');
  return Object.fromEntries(
    names.map((name) => {
      const timeline = node(name)?.timeline;
      if (!timeline) return [name, `always ${group(name)}`];
      return [
        name,
        timeline.map(([from, customer]) => `${from === Number.MIN_SAFE_INTEGER ? 'always' : from} ${group(customer)}`).join(', '),
      ];
    }),
  );
}
