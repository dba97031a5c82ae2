import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Identifier, IdentityChange, TaggedEvent } from '../schemas/generated/types.ts';
import type { IdentityRules } from '../processors/stitch-identity/identity.ts';
import { Lineage } from '../processors/stitch-identity/lineage.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Kafka, Producer } from '../runtime/kafka/contract.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { SerdeSource, Topic } from '../runtime/topic.ts';
import { readIdentifier } from '../schemas/identifier-rules.ts';
import { opaqueKey } from '../schemas/keys.ts';
import { topics } from '../schemas/topics.ts';
import { scanTopic, type Verdict } from './scan.ts';
import type { SeedResult } from './seeder.ts';

/** What commands on identities need of a deployment. */
export interface IdentityDeployment {
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, 'send'>;
  readonly serdes: SerdeSource;
  /** Physical name of a topic. */
  readonly topicName: (topic: Topic) => string;
  readonly partitions: number;
  readonly rules: IdentityRules;
  readonly secret: string;
  /** Processors that keep a state of customers here. */
  readonly keepers: readonly string[];
  /** How long an answer is waited for, milliseconds. */
  readonly patienceMs: number;
}

export interface SplitRequest {
  /** Two identifiers as `kind:value`. */
  readonly between: readonly [string, string];
  /** Takes an earlier split of the two back. */
  readonly takeBack?: boolean;
  readonly author?: string;
  readonly reason?: string;
}

/** A message that went out for the customer whom the split has ended. */
export interface SentMessage {
  readonly id: string;
  readonly activation: string;
  readonly channel: string;
  readonly requestedAt: number;
  /** sent | failed | … as the sink says; none yet. */
  readonly outcome: string;
}

export interface SplitResult {
  readonly id: string;
  /** split: a customer was divided; apart: they were two before; unsplit; refused; pending: not decided within the patience. */
  readonly outcome: 'split' | 'apart' | 'unsplit' | 'refused' | 'pending';
  readonly reason: string;
  /** Customers who ended, with their heirs and how many events each was recomputed from; null: not done within the patience. */
  readonly divided: readonly {
    readonly customer: string;
    readonly heirs: readonly { readonly customer: string; readonly events: number | null }[];
    /** Event time since which it was known; first event that is retained. */
    readonly knownSince: number;
    readonly retainedSince: number | null;
    /** Something was older than what is retained, and could not be recomputed. */
    readonly partial: boolean;
    /** Requested for it since events of more than one heir lay with it. */
    readonly sent: readonly SentMessage[];
  }[];
}

/** The two identifiers as they are compared; CONFIG_INVALID says what is expected. */
export function readPair(rules: IdentityRules, between: readonly string[]): readonly [Identifier, Identifier] {
  const read = between.map((text): Identifier => {
    const colon = text.indexOf(':');
    const kind = text.slice(0, colon);
    const value = colon < 1 ? undefined : readIdentifier(rules.values, kind, text.slice(colon + 1));
    if (value === undefined) throw new FreshetError('CONFIG_INVALID', `${text}: expected kind:value of somebody, as user_id:ada`);
    return { kind, value };
  });
  const [one, two] = read;
  if (!one || !two || read.length !== 2 || (one.kind === two.kind && one.value === two.value))
    throw new FreshetError('CONFIG_INVALID', 'expected two different identifiers, each as kind:value');
  return [one, two];
}

/** The command as the fact that it is. */
export function commandEvent(
  { takeBack = false, author, reason }: Omit<SplitRequest, 'between'>,
  identifiers: readonly [Identifier, Identifier],
  { id, at }: { readonly id: string; readonly at: number },
): TaggedEvent {
  return {
    messageId: id,
    source: 'operator',
    type: takeBack ? 'unsplit' : 'split',
    event: takeBack ? 'Split Taken Back' : 'Identity Split',
    occurredAt: at,
    receivedAt: at,
    asOf: null,
    identifiers: [...identifiers],
    properties: JSON.stringify({ ...(author && { author }), ...(reason && { reason }) }),
    traits: '{}',
    context: '{}',
    flags: [],
    mode: 'live',
    origin: { topic: topics.eventsTagged.name, partition: -1, offset: -1 },
  };
}

/**
 * Publishes the command between the events, and waits until it is decided and the heirs have what is theirs. Whatever happens to
 * the caller from then on, the command stands. The result tells what was found within the patience; asking again with the same `id`
 * publishes nothing new.
 */
export async function splitIdentity(
  desk: IdentityDeployment,
  request: SplitRequest,
  at: number,
  id = `split-${randomUUID()}`,
): Promise<SplitResult> {
  const pair = readPair(desk.rules, request.between);
  const event = commandEvent(request, pair, { id, at });
  const key = opaqueKey(desk.secret, pair[0].kind, pair[0].value);
  await desk.producer.send({
    topic: desk.topicName(topics.eventsTagged),
    partition: partitionFor(key, desk.partitions),
    records: [
      {
        key: Buffer.from(key),
        value: desk.serdes.of(topics.eventsTagged).encode(event),
        headers: { 'message-id': Buffer.from(id) },
      },
    ],
  });
  const until = Date.now() + desk.patienceMs;
  for (;;) {
    const found = await resultOf(desk, id);
    const done = found.outcome !== 'pending' && found.divided.every(({ heirs }) => heirs.every(({ events }) => events !== null));
    if (done || Date.now() > until) return found;
    await pause(300);
  }
}

/** What has come of a command by now. */
export async function resultOf(desk: IdentityDeployment, id: string): Promise<SplitResult> {
  const told: IdentityChange[] = [];
  await visit(desk, topics.identityChanges, (change) => {
    if (change.messageId === id && outcomes.has(change.kind)) told.push(change);
  });
  const kind = told.find((change) => change.kind !== 'refused')?.kind ?? told[0]?.kind;
  const outcome = (kind ?? 'pending') as SplitResult['outcome'];
  const ended = [...new Set(told.flatMap((change) => (change.kind === 'split' && change.other !== null ? [change.other] : [])))];
  if (ended.length === 0) return { id, outcome, reason: told[0]?.reason ?? '', divided: [] };
  const seeds = new Map<string, SeedResult>();
  await visit(desk, topics.customersSeeds, (value) => {
    const result = value as SeedResult;
    if (result.kind === 'done' && ended.includes(result.from)) seeds.set(`${result.processor}/${result.from}`, result);
  });
  const { lineage, mixed } = await historyOf(desk, ended);
  const divided = [];
  for (const customer of ended) {
    const division = lineage.divided.get(customer);
    const results = desk.keepers.map((keeper) => seeds.get(`${keeper}/${customer}`));
    const isDone = results.every((result) => result !== undefined);
    const retainedSince = results.find((result) => result !== undefined)?.first ?? null;
    const knownSince = division?.since ?? 0;
    divided.push({
      customer,
      heirs: (division?.heirs ?? []).map((heir) => ({ customer: heir, events: isDone ? (results[0]?.events[heir] ?? 0) : null })),
      knownSince,
      retainedSince,
      partial: isDone && (retainedSince === null || knownSince < retainedSince),
      sent: await sentTo(desk, customer, mixed.get(customer) ?? 0),
    });
  }
  return { id, outcome, reason: told[0]?.reason ?? '', divided };
}

const outcomes: ReadonlySet<string> = new Set(['split', 'apart', 'unsplit', 'refused']);

/** Since when, by broker time, events of more than one heir lay with each of these customers. */
export async function historyOf(
  desk: IdentityDeployment,
  ended: readonly string[],
): Promise<{ readonly lineage: Lineage; readonly mixed: ReadonlyMap<string, number> }> {
  const lineage = new Lineage();
  await visit(desk, topics.eventsIdentified, ({ marker }, at) => void (marker && lineage.take(marker, at)));
  const firsts = new Map(ended.map((customer) => [customer, new Map<string, number>()]));
  await visit(desk, topics.eventsIdentified, ({ customer, event }, at) => {
    if (!event) return;
    const keys = event.identifiers.map(({ kind, value }) => opaqueKey(desk.secret, kind, value));
    const path = lineage.path(customer, keys, event.occurredAt);
    path.forEach((each, i) => {
      const [first, heir] = [firsts.get(each), path[i + 1]];
      if (first === undefined || heir === undefined) return;
      // With a customer who merged into this one, it came when that one did.
      const since = path.slice(0, i).reduce((latest, one) => Math.max(latest, lineage.merged.get(one)?.at ?? 0), at);
      first.set(heir, Math.min(since, first.get(heir) ?? since));
    });
  });
  const second = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[1] ?? times[0] ?? 0;
  return { lineage, mixed: new Map([...firsts].map(([customer, first]) => [customer, second([...first.values()])])) };
}

/** Messages requested for a customer since then, with what became of each. */
export async function sentTo(desk: IdentityDeployment, customer: string, since: number): Promise<readonly SentMessage[]> {
  const sent = new Map<string, SentMessage>();
  await visit(desk, topics.activationsRequested, (request) => {
    if (request.customer !== customer || request.requestedAt < since) return;
    const { id, activation, channel, requestedAt } = request;
    sent.set(id, { id, activation, channel, requestedAt, outcome: 'none yet' });
  });
  if (sent.size > 0)
    await visit(desk, topics.activationsOutcomes, ({ id, status }) => {
      const message = sent.get(id);
      if (message) sent.set(id, { ...message, outcome: status });
    });
  return [...sent.values()].sort((a, b) => a.requestedAt - b.requestedAt);
}

async function visit<V>(
  { kafka, serdes, topicName }: IdentityDeployment,
  topic: Topic<V>,
  each: (value: V, at: number) => void,
): Promise<void> {
  const serde = serdes.of(topic);
  await scanTopic(kafka, topicName(topic), async ({ value, timestamp }): Promise<Verdict> => {
    if (value === null) return 'go on';
    await serde.prepare?.(value);
    each(serde.decode(value), timestamp);
    return 'go on';
  });
}

/** For people. */
export function splitLines({ id, outcome, reason, divided }: SplitResult): readonly string[] {
  const time = (at: number | null): string => (at === null ? 'nothing' : new Date(at).toISOString());
  return [
    outcome === 'pending' ? `${id}: published; not decided yet` : `${id}: ${outcome}: ${reason}`,
    ...divided.flatMap(({ customer, heirs, knownSince, retainedSince, partial, sent }) => [
      `  ${customer} has ended`,
      ...heirs.map(
        ({ customer: heir, events }) =>
          `    ${heir} ${events === null ? 'is being recomputed' : `recomputed from ${events} events`}`,
      ),
      ...(partial
        ? [`    known since ${time(knownSince)}, but only what is retained since ${time(retainedSince)} could be recomputed`]
        : []),
      `    ${sent.length} messages were requested while it was more than one`,
      ...sent.map(
        (message) =>
          `      ${time(message.requestedAt)}  ${message.activation} by ${message.channel}: ${message.outcome} (${message.id})`,
      ),
    ]),
  ];
}
