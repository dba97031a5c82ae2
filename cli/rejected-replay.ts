import { tagFreshness } from '../processors/tag-freshness/index.ts';
import { FreshetError } from '../runtime/errors.ts';
import { appendHop, HOPS } from '../runtime/hops.ts';
import type { ProduceBatch, TransactionalProducer } from '../runtime/kafka/contract.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { Processor } from '../runtime/processor.ts';
import { header, type ProduceRecord, tpKey } from '../runtime/record.ts';
import { REPLAY_FOR, REPLAY_OF } from '../runtime/replay.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { ValueRules } from '../schemas/identifier-rules.ts';
import { hashId, opaqueKey } from '../schemas/keys.ts';
import { isJsonObject, primaryIdentifier, type SegmentMessage } from '../schemas/segment-message.ts';
import { topics } from '../schemas/topics.ts';
import { type RejectedEntry, type RejectedFilter, type RejectedLog, replayMark, visitRejected } from './rejected-log.ts';
import type { Repair } from './rejected-repair.ts';
import { refusalOf } from './refusal-of.ts';
import { readValue, type ValueReader, writeValue } from './rejected-value.ts';

export interface ReplayOptions extends RejectedLog, ValueReader {
  readonly sources: readonly SourceConfig[];
  /** Of the deployment, for opaque keys. */
  readonly secret: string;
  /** How identifiers are read; default: as without any rules of the workspace. */
  readonly values?: ValueRules;
  readonly filter: RejectedFilter;
  readonly repair: Repair;
  /** Sends nothing. */
  readonly dryRun: boolean;
  readonly now: () => number;
  readonly report: (entry: RejectedEntry, outcome: ReplayOutcome) => void;
}

/** What became of an entry. `kept`: it stays rejected, for this reason. */
export type ReplayOutcome =
  | { readonly kind: 'sent'; readonly topic: string; readonly messageId: string | undefined }
  | { readonly kind: 'already' }
  | { readonly kind: 'kept'; readonly reason: string };

const MOST_RECORDS = 500;
const MOST_BYTES = 1 << 20;
const MOST_ATTEMPTS = 5;

/**
 * Sends rejected records back to where they belong, each once for ever: the record and the mark that it has been replayed are one
 * transaction of one producer, which fences every other replay before it reads what has been replayed already. What would be
 * refused again by the first step is not sent. After a fault of the brokers it begins anew, and finds what it has done.
 */
export async function replayRejected(options: ReplayOptions): Promise<void> {
  const told = new Set<string>();
  const doubtful = new Set<string>();
  const report: ReplayOptions['report'] = (entry, outcome) => {
    if (told.has(entry.id)) return;
    told.add(entry.id);
    const isOurs = outcome.kind === 'already' && doubtful.has(entry.id);
    options.report(entry, isOurs ? { kind: 'sent', topic: entry.rejected.topic, messageId: undefined } : outcome);
  };
  for (let attempt = 1; ; attempt++) {
    const page = new Page({ ...options, report });
    try {
      return await replayOnce({ ...options, report }, page);
    } catch (error) {
      // It may have been committed: the marks will tell.
      const isPassing = error instanceof FreshetError && ['TRANSACTION_FAILED', 'BROKER_UNAVAILABLE'].includes(error.code);
      if (!isPassing || attempt === MOST_ATTEMPTS) throw error;
      for (const id of page.underWay) doubtful.add(id);
    }
  }
}

async function replayOnce(options: ReplayOptions, page: Page): Promise<void> {
  const { kafka, names, dryRun, repair, filter, report } = options;
  const producer = dryRun ? undefined : kafka.transactionalProducer(names.group('rejected-replay'));
  const partitions = (await kafka.admin.partitions(names.topic(topics.eventsRejected.name))) ?? 1;
  const first = tagFreshness(options);
  const ids = repair.whole.size > 0 ? new Set(repair.whole.keys()) : filter.ids;
  try {
    await producer?.init();
    await visitRejected(options, { ...filter, ...(ids ? { ids } : {}) }, async (entry) => {
      if (entry.replayedAt !== undefined) return report(entry, { kind: 'already' });
      const prepared = await prepare(options, first, entry, partitions);
      if (typeof prepared === 'string') return report(entry, { kind: 'kept', reason: prepared });
      if (page.isFullWith(prepared)) await page.send(producer);
      page.add(entry, prepared);
    });
    await page.send(producer);
  } finally {
    await producer?.close();
  }
}

interface Prepared {
  readonly topic: string;
  readonly partition: number;
  readonly record: ProduceRecord;
  readonly messageId: string | undefined;
}

/** The record to be sent, or why it stays where it is. */
async function prepare(
  options: ReplayOptions,
  first: Processor,
  entry: RejectedEntry,
  partitions: number,
): Promise<Prepared | string> {
  const { rejected } = entry;
  if (!options.topics.has(rejected.topic)) return `nobody reads ${rejected.topic} any more`;
  try {
    const corrected = await correct(options, entry);
    const isRaw = options.topics.get(rejected.topic)?.format.kind === 'bytes';
    const sent = isRaw ? rawRecord(options, entry, corrected) : { value: corrected.bytes, key: rejected.key, more: {} };
    const headers = { ...rejected.headers, ...sent.more, ...marksOf(entry, options.now()) };
    const partition = rejected.partition < 0 ? partitionFor(sent.key ?? Buffer.from(entry.id), partitions) : rejected.partition;
    const record = { key: sent.key, value: sent.value, headers };
    if (isRaw) {
      const refusal = refusalOf(first, { ...record, topic: rejected.topic, partition, timestamp: options.now() });
      if (refusal !== undefined) return `would be refused again: ${refusal}`;
    }
    return { topic: rejected.topic, partition, record, messageId: header(headers, 'message-id') };
  } catch (error) {
    if (error instanceof FreshetError && !error.retryable) return error.message;
    throw error;
  }
}

interface Corrected {
  readonly bytes: Buffer | null;
  /** Undefined: the bytes are not JSON. */
  readonly json: unknown;
}

async function correct(options: ReplayOptions, { id, rejected }: RejectedEntry): Promise<Corrected> {
  const { repair } = options;
  const readable = await readValue(options, rejected);
  const given = repair.whole.get(id);
  const json = given === undefined && readable.kind === 'json' ? readable.json : given;
  if (given === undefined && repair.fields.length === 0) return { bytes: rejected.value, json };
  if (json === undefined) throw new FreshetError('DECODE_FAILED', 'its bytes are not JSON: give the whole value with --repair');
  const value = repair.apply(json);
  return { bytes: writeValue(options, rejected.topic, value), json: value };
}

/**
 * A record of a raw topic as its first writer would have made it, with what it had not been given then: the message id that it
 * would have got at its first place, and the time at which it came in.
 */
function rawRecord(
  { sources, secret }: ReplayOptions,
  { partition, offset, rejected }: RejectedEntry,
  { bytes, json }: Corrected,
): { value: Buffer | null; key: Buffer | null; more: Record<string, Buffer> } {
  const source = sources.find(({ name }) => name === rejected.source);
  const isCall = source?.transform === null && isJsonObject(json);
  const fromGateway = rejected.offset < 0;
  const message = isCall && fromGateway ? asCall(json, header(rejected.headers, 'call')) : undefined;
  const place = fromGateway
    ? [topics.eventsRejected.name, partition, offset]
    : [rejected.topic, rejected.partition, rejected.offset];
  const own = isCall && typeof json['messageId'] === 'string' && json['messageId'] !== '' ? json['messageId'] : undefined;
  const messageId = own ?? header(rejected.headers, 'message-id') ?? hashId(rejected.source ?? '', ...place);
  const receivedAt = header(rejected.headers, 'received-at') ?? String(rejected.timestamp ?? rejected.rejectedAt);
  const primary = message && primaryIdentifier(message);
  return {
    value: message ? Buffer.from(JSON.stringify({ ...message, messageId })) : bytes,
    key: primary ? Buffer.from(opaqueKey(secret, primary.kind, primary.value)) : rejected.key,
    more: { 'message-id': Buffer.from(messageId), 'received-at': Buffer.from(receivedAt) },
  };
}

/** A call that the gateway refused, with the type that its path had said and without its write key. */
function asCall(json: SegmentMessage, call: string | undefined): SegmentMessage {
  const { writeKey: _, ...message }: Record<string, unknown> = json;
  return call === undefined || call === 'batch' ? message : { type: call, ...message };
}

function marksOf({ id, rejected }: RejectedEntry, now: number): Record<string, Buffer> {
  const { processor, headers } = rejected;
  return {
    [REPLAY_OF]: Buffer.from(id),
    [HOPS]: Buffer.from(appendHop(header(headers, HOPS), 'replay', now)),
    ...(rejected.offset < 0 ? {} : { [REPLAY_FOR]: Buffer.from(processor) }),
  };
}

/** Records of one transaction, with the marks of their entries. */
class Page {
  readonly #options: Pick<ReplayOptions, 'names' | 'report'>;
  #batches = new Map<string, ProduceBatch & { readonly records: ProduceRecord[] }>();
  #entries: (readonly [RejectedEntry, Prepared])[] = [];
  #bytes = 0;

  constructor(options: Pick<ReplayOptions, 'names' | 'report'>) {
    this.#options = options;
  }

  /** Ids of the entries that are not known to have been sent. */
  get underWay(): readonly string[] {
    return this.#entries.map(([{ id }]) => id);
  }

  isFullWith({ record }: Prepared): boolean {
    return this.#entries.length >= MOST_RECORDS || (this.#bytes > 0 && this.#bytes + (record.value?.length ?? 0) > MOST_BYTES);
  }

  add(entry: RejectedEntry, prepared: Prepared): void {
    this.#put(prepared.topic, prepared.partition, prepared.record);
    this.#put(topics.eventsRejected.name, entry.partition, replayMark(entry));
    this.#entries.push([entry, prepared]);
    this.#bytes += prepared.record.value?.length ?? 0;
  }

  /** Commits the page and begins the next; without a producer nothing is sent. */
  async send(producer: TransactionalProducer | undefined): Promise<void> {
    if (this.#entries.length > 0) await producer?.transact([...this.#batches.values()]);
    const sent = this.#entries;
    this.#batches = new Map();
    this.#entries = [];
    this.#bytes = 0;
    for (const [entry, { topic, messageId }] of sent) this.#options.report(entry, { kind: 'sent', topic, messageId });
  }

  #put(topic: string, partition: number, record: ProduceRecord): void {
    const physical = this.#options.names.topic(topic);
    const key = tpKey(physical, partition);
    const batch = this.#batches.get(key) ?? { topic: physical, partition, records: [] };
    batch.records.push(record);
    this.#batches.set(key, batch);
  }
}
