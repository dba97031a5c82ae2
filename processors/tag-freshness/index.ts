import type { Context, Processor } from '../../runtime/processor.ts';
import { header, type StreamRecord } from '../../runtime/record.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import type { ValueRules } from '../../schemas/identifier-rules.ts';
import { instantForm, instantParser } from '../../schemas/instant.ts';
import { hashId, opaqueKey } from '../../schemas/keys.ts';
import type { RawDecoder } from '../../schemas/raw-decoder.ts';
import { type RecordCheck, recordCheck } from '../../schemas/record-check.ts';
import { rawTopic, topics } from '../../schemas/topics.ts';
import { ruleReader } from './apply-rules.ts';
import type { Draft, Outcome } from './outcome.ts';
import { callReader } from './read-call.ts';
import { interestTeller, tellFact } from './reference.ts';
import { occurrence } from './stamps.ts';

export interface TagFreshnessOptions {
  readonly sources: readonly SourceConfig[];
  /** Of the deployment, for opaque keys. */
  readonly secret: string;
  /** How identifiers are read; default: as without any rules of the workspace. */
  readonly values?: ValueRules;
  readonly rawDecoder: Pick<RawDecoder, 'decode'>;
}

interface Reader {
  readonly source: SourceConfig;
  readonly read: (record: unknown) => Outcome;
  /** By the schema of the source. */
  readonly check: RecordCheck | undefined;
}

/**
 * events.raw and raw.<source> -> events.tagged: every event in the common form, validated (by the schema of its source before that),
 * with normalised identifiers, the time at which it happened, and as of when its source vouches for it. What is no event by the
 * source's rules is counted by reason; what cannot be used is rejected with the field and what was expected. Of a source with a table
 * what it says of things goes there, and so does who is interested in them. Keeps no state: repetitions are recognised after the re-key.
 */
export function tagFreshness({ sources, secret, rawDecoder, values }: TagFreshnessOptions): Processor {
  const calls = new Map<string, Reader>();
  const ofTopic = new Map<string, Reader>();
  for (const source of sources) {
    const reader = {
      source,
      read: source.transform === null ? callReader(source, values) : ruleReader(source, source.transform, values),
      check: source.schema && recordCheck(source.schema),
    };
    if (source.input.kind === 'endpoint') calls.set(source.name, reader);
    else ofTopic.set(rawTopic(source.name).name, reader);
  }
  const tellInterest = interestTeller(sources);
  const parseStamp = instantParser('UTC');
  /** A stamp of a header: epoch milliseconds in digits, or ISO 8601. */
  const stamp = (record: StreamRecord, name: string): number | undefined => {
    const text = header(record.headers, name);
    return text === undefined ? undefined : parseStamp(/^[0-9]+$/.test(text) ? Number(text) : text);
  };

  function process(record: StreamRecord, context: Context): void {
    const named = header(record.headers, 'source');
    const reader = record.topic === topics.eventsRaw.name ? calls.get(named ?? '') : ofTopic.get(record.topic);
    if (reader === undefined)
      return context.reject('validate', 'header source: expected the name of a declared source with an endpoint');
    const { source } = reader;
    if (source.input.kind === 'files' && header(record.headers, 'ends-batch') === 'true') {
      vouch(record, source, { asOf: stamp(record, 'as-of'), ends: true }, context);
      return context.count('skipped', { source: source.name, reason: 'end of the file' });
    }
    const decoded = Buffer.isBuffer(record.value)
      ? rawDecoder.decode(record.value)
      : { kind: 'refused' as const, reason: 'empty' };
    if (decoded.kind === 'refused') return context.reject('decode', decoded.reason);
    const missed = reader.check?.(decoded.value);
    const unfit = decoded.unfit ?? (missed === undefined ? undefined : `schema: ${missed}`);
    if (unfit !== undefined) return context.reject('validate', unfit);

    const outcome = reader.read(decoded.value);
    switch (outcome.kind) {
      case 'skipped':
        vouch(record, source, { asOf: outcome.ends, ends: true }, context);
        return context.count('skipped', { source: source.name, reason: outcome.reason });
      case 'refused':
        return context.reject(outcome.step, outcome.reason);
      case 'event':
        return emit(record, source, outcome.draft, context);
    }
  }

  /** Of a batch source, and only where it says so itself: nobody vouches for what lies ahead. */
  function vouch(
    { timestamp }: StreamRecord,
    { name, liveness }: SourceConfig,
    { asOf, ends }: { readonly asOf: number | undefined; readonly ends: boolean },
    context: Context,
  ): void {
    if (liveness.kind === 'batch' && asOf !== undefined)
      context.vouch(name, { asOf: Math.min(asOf, timestamp), at: timestamp, ends });
  }

  function emit(record: StreamRecord, source: SourceConfig, draft: Draft, context: Context): void {
    const { event, identifiers } = draft;
    const { table } = source;
    const isForTableOnly = table !== undefined && identifiers.length === 0;
    if (!isForTableOnly && source.events !== null && !source.events.includes(event))
      return context.reject('validate', `event: expected one of those that the source declares: ${source.events.join(', ')}`);
    if (header(record.headers, 'as-of') !== undefined && stamp(record, 'as-of') === undefined)
      return context.reject('validate', `header as-of: expected ${instantForm}`);
    const primary = identifiers[0];
    if (primary === undefined && !isForTableOnly) return context.reject('validate', 'identifiers: expected at least one');

    const given = draft.messageId ?? (header(record.headers, 'message-id') || null);
    const origin = { topic: record.topic, partition: record.partition, offset: record.offset };
    const messageId = given ?? hashId(source.name, origin.topic, origin.partition, origin.offset);
    // Nothing comes in after it has been appended: such a stamp is of a clock that is wrong.
    const receivedAt = Math.min(stamp(record, 'received-at') ?? record.timestamp, record.timestamp);
    const sentAt = stamp(record, 'sent-at') ?? null;
    const { deviceAt } = draft;
    const { occurredAt, flags } = occurrence({
      occurredAt: draft.occurredAt,
      deviceAt,
      sentAt,
      receivedAt,
      appendedAt: record.timestamp,
    });
    const said = draft.asOf ?? stamp(record, 'as-of') ?? null;

    const tagged: TaggedEvent = {
      messageId,
      source: source.name,
      type: draft.type,
      event,
      occurredAt,
      receivedAt,
      asOf: said === null ? (draft.occurredAt === null ? null : occurredAt) : Math.min(said, record.timestamp),
      identifiers,
      properties: JSON.stringify(draft.properties),
      traits: JSON.stringify(draft.traits),
      context: JSON.stringify(draft.context),
      flags: given === null ? [...flags, 'no-message-id'] : flags,
      mode: source.mode,
      origin,
    };
    const missing = table === undefined ? undefined : tellFact(table, source, tagged, draft.properties, context);
    if (isForTableOnly && missing !== undefined) return context.reject('validate', missing);
    vouch(record, source, { asOf: said ?? undefined, ends: draft.endsBatch === true }, context);
    for (const flag of tagged.flags) context.count('flagged', { source: source.name, reason: flag });
    for (const kind of draft.ignored) context.count('ignored-identifier', { source: source.name, reason: kind });
    if (primary === undefined) return;
    const who = opaqueKey(secret, primary.kind, primary.value);
    tellInterest(tagged, draft.properties, who, context);
    context.forward(topics.eventsTagged, who, tagged, { 'message-id': messageId, source: source.name });
  }

  return {
    name: 'tag-freshness',
    inputs: [topics.eventsRaw, ...sources.filter(({ input }) => input.kind !== 'endpoint').map(({ name }) => rawTopic(name))],
    outputs: [topics.eventsTagged, topics.referenceTold],
    upstream: ['feed'],
    process,
  };
}
