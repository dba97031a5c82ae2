import { appendHop, HOPS } from '../../../runtime/hops.ts';
import type { ProduceBatch } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { ProduceRecord } from '../../../runtime/record.ts';
import { hashId } from '../../../schemas/keys.ts';
import { rawTopic } from '../../../schemas/topics.ts';
import type { EnrichOptions } from './options.ts';
import { answerKey, enrichmentsTopic, type EnrichState, type Kept } from './state.ts';

/** A record of events.tagged. */
export interface Place {
  readonly partition: number;
  readonly offset: number;
}

/** Who is told, and because of which event. */
export interface Teller {
  /** Opaque key of the primary identifier. */
  readonly who: string;
  readonly event: string;
  readonly identifiers: Readonly<Record<string, string>>;
}

/** An answer, and what was asked about. */
export interface Answered {
  readonly hash: string;
  readonly key: string;
  readonly kept: Kept;
  readonly isNew: boolean;
}

interface Entry {
  readonly raw?: { readonly partition: number; readonly record: ProduceRecord };
  readonly kept?: ProduceRecord;
  /** Dealt with once the entry has been committed. */
  readonly place?: Place;
  readonly bytes: number;
}

/** Bytes of one transaction: a batch for a partition has to be small enough for the brokers. */
const PAGE_BYTES = 600_000;

/** What waits to be published, in order. */
export class Outbox {
  readonly #options: EnrichOptions;
  readonly #entries: Entry[] = [];

  constructor(options: EnrichOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /**
   * An answer as a record of the source; the same answer about the same thing, or to the same customer, has the same message id.
   * `isNew`: it is kept in the transaction that tells it, or whoever goes on would take it for told.
   */
  tell({ hash, key, kept, isNew }: Answered, { who, event, identifiers }: Teller, place?: Place): void {
    const { source, enrich, partitions, tick } = this.#options;
    const { answer, askedAt } = kept;
    const messageId = hashId(source.name, hash, askedAt, enrich.ofCustomers ? who : '');
    const recordKey = enrich.ofCustomers ? who : hash;
    const of = enrich.ofCustomers ? { identifiers, event } : {};
    const value = Buffer.from(JSON.stringify({ key, asked_at: askedAt, answer, ...of }));
    const headers = {
      source: Buffer.from(source.name),
      'received-at': Buffer.from(String(tick())),
      'as-of': Buffer.from(String(askedAt)),
      'message-id': Buffer.from(messageId),
      [HOPS]: Buffer.from(appendHop(undefined, 'enrich', tick())),
    };
    const raw = { partition: partitionFor(recordKey, partitions), record: { key: Buffer.from(recordKey), value, headers } };
    const own = isNew ? { kept: this.#keptRecord(hash, kept) } : {};
    this.#entries.push({ raw, ...own, bytes: value.length * (isNew ? 2 : 1) + 500, ...(place && { place }) });
  }

  /** Keeps an answer that nobody is told, or forgets one. */
  keep(hash: string, kept: Kept | null): void {
    this.#entries.push({ kept: this.#keptRecord(hash, kept), bytes: 200 });
  }

  #keptRecord(hash: string, kept: Kept | null): ProduceRecord {
    const { answer, askedAt } = kept ?? {};
    const value = kept === null ? null : Buffer.from(JSON.stringify({ answer, askedAt }));
    return { key: Buffer.from(answerKey(this.#options.source.name, hash)), value };
  }

  /** Nothing has to be published of it; it is dealt with after what came before. */
  finish(place: Place): void {
    this.#entries.push({ place, bytes: 20 });
  }

  /** What goes into the next transaction: `done` is told of each place in it, then `state` says how far it is with these. */
  take(done: (place: Place) => void, state: () => EnrichState): readonly ProduceBatch[] {
    const { source, names, partitions } = this.#options;
    const records = new Map<number, ProduceRecord[]>();
    const own: ProduceRecord[] = [];
    let bytes = 0;
    let count = 0;
    for (const entry of this.#entries) {
      bytes += entry.bytes;
      if (count > 0 && bytes > PAGE_BYTES) break;
      count += 1;
      if (entry.raw) records.set(entry.raw.partition, [...(records.get(entry.raw.partition) ?? []), entry.raw.record]);
      if (entry.kept) own.push(entry.kept);
      if (entry.place) done(entry.place);
    }
    this.#entries.splice(0, count);
    own.push({ key: Buffer.from(source.name), value: Buffer.from(JSON.stringify(state())) });
    const topic = names.topic(rawTopic(source.name).name);
    return [
      ...[...records].map(([partition, list]) => ({ topic, partition, records: list })),
      { topic: names.topic(enrichmentsTopic.name), partition: partitionFor(source.name, partitions), records: own },
    ];
  }
}
