import type { Kafka, PartitionReader, ProduceBatch } from '../../runtime/kafka/contract.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import { tpKey } from '../../runtime/record.ts';
import type { Topic } from '../../runtime/topic.ts';
import type { ActivationOutcome } from '../../schemas/generated/types.ts';
import type { Timing } from './contract.ts';

const POSITION = '\0position';
const day = 24 * 60 * 60 * 1000;

/** What a sink remembers of a request: never the address nor the message, those are read again where they lie. */
export type LedgerRow = OpenRow | { readonly state: 'done'; readonly offset: number; readonly at: number };

export interface OpenRow {
  /** attempting: begun, and nobody knows how it ended until another row follows. waiting: the last attempt has ended. */
  readonly state: 'attempting' | 'waiting';
  readonly offset: number;
  readonly attempt: number;
  /** How often an attempt ended without an answer. */
  readonly doubts: number;
  /** Epoch milliseconds: no attempt before. */
  readonly notBefore: number;
  /** As it was published last. */
  readonly outcome: ActivationOutcome;
}

/** The compacted topic in which the sink of `channel` keeps its ledger; co-partitioned with the requests. */
export function ledgerTopic(channel: string): Topic {
  return {
    name: `${channel}.ledger`,
    format: { kind: 'json' },
    key: 'id of the request, or the position',
    partitions: 'shared',
    retention: { kind: 'compact', maxCompactionLagMs: 7 * day, deleteRetentionMs: day },
    timestamps: 'create',
    internal: true,
    doc: `What the sink of ${channel} has begun and finished; from it a new owner of the partition goes on.`,
  };
}

export interface LedgerOptions {
  readonly topic: string;
  readonly partition: number;
  /** Finished requests are remembered this long, so that a request written twice is sent once. */
  readonly rememberMs: number;
}

/**
 * The ledger of one partition: rows by request id, and the position: the lowest offset of a request that is not finished.
 * Nothing is written here; `changes` gives the records for a transaction, and the caller throws the ledger away if that fails.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #rows = new Map<string, LedgerRow>();
  readonly #changed = new Set<string>();
  #position: number | undefined;
  #written: number | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Reads the whole ledger as committed. Ask for it after the transactional id has been taken over. */
  static async restore(kafka: Kafka, reader: PartitionReader, options: LedgerOptions, signal: AbortSignal): Promise<Ledger> {
    const ledger = new Ledger(options);
    const at = { topic: options.topic, partition: options.partition };
    const key = tpKey(at.topic, at.partition);
    const end = (await kafka.admin.endOffsets([at])).get(key) ?? 0;
    const start = (await kafka.admin.startOffsets([at])).get(key) ?? 0;
    let wake = (): void => undefined;
    const stream = reader.open(at, start, { notify: () => wake() });
    const aborted = (): void => wake();
    signal.addEventListener('abort', aborted);
    try {
      while (!signal.aborted) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const records = stream.take(1000);
        for (const record of records) ledger.#load(record.key?.toString('utf8') ?? '', record.value);
        if (stream.error !== undefined) throw stream.error;
        if (stream.position >= end) return ledger;
        if (records.length === 0) await woken;
      }
      return ledger;
    } finally {
      signal.removeEventListener('abort', aborted);
      stream.close();
    }
  }

  #load(key: string, value: Buffer | null): void {
    if (key === POSITION) {
      if (value !== null) this.#position = this.#written = (JSON.parse(value.toString('utf8')) as { next: number }).next;
      return;
    }
    this.#rows.delete(key);
    if (value !== null) this.#rows.set(key, JSON.parse(value.toString('utf8')) as LedgerRow);
  }

  /** Undefined: nothing was ever finished. */
  get position(): number | undefined {
    return this.#position;
  }

  row(id: string): LedgerRow | undefined {
    return this.#rows.get(id);
  }

  /** Rows that are not finished. */
  open(): readonly OpenRow[] {
    return [...this.#rows.values()].filter((row) => row.state !== 'done');
  }

  set(id: string, row: LedgerRow): void {
    this.#rows.delete(id);
    this.#rows.set(id, row);
    this.#changed.add(id);
  }

  /** Moves the position, drops what need not be remembered, and returns what has to be written since the last call. */
  changes(position: number, timing: Timing): ProduceBatch | undefined {
    const records: ProduceRecord[] = [];
    for (const id of this.#changed) {
      records.push({ key: Buffer.from(id), value: Buffer.from(JSON.stringify(this.#rows.get(id))) });
    }
    this.#changed.clear();
    this.#position = position;
    this.#forget(timing.now() - this.#options.rememberMs, records);
    if (position !== this.#written)
      records.push({ key: Buffer.from(POSITION), value: Buffer.from(JSON.stringify({ next: position })) });
    this.#written = position;
    return records.length === 0 ? undefined : { topic: this.#options.topic, partition: this.#options.partition, records };
  }

  #forget(before: number, records: ProduceRecord[]): void {
    for (const [id, row] of this.#rows) {
      if (row.state !== 'done' || row.at >= before || records.length >= 500) return;
      if (row.offset >= (this.#position ?? 0)) return;
      this.#rows.delete(id);
      records.push({ key: Buffer.from(id), value: null });
    }
  }
}
