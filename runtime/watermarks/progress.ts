import type { PartitionReader, PartitionStream } from '../kafka/contract.ts';
import type { Claim, Reach } from './contract.ts';
import { claimKey, decodeClaim } from './claims.ts';
import { mergeBatches } from './source-batches.ts';

/** The greatest claim of a key, and the broker time of the last record that spoke for it. */
export interface KnownClaim extends Claim {
  readonly heardAt: number;
}

/**
 * The control topic as a table, read whole by every process. Claims are facts, so the greatest wins whatever the order;
 * `tick` is the newest append time read: the only wall clock of the runtime.
 */
export class ProgressTable {
  readonly #claims = new Map<string, KnownClaim>();
  readonly #listeners = new Set<() => void>();
  #tick = Number.NEGATIVE_INFINITY;
  #stream: PartitionStream | undefined;

  /** Starts to follow; resolves when everything that was there at `end` has been read. */
  async follow(reader: PartitionReader, topic: string, start: number, end: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const drain = (): void => {
        const stream = this.#stream;
        if (!stream) return;
        let changed = false;
        for (let records = stream.take(5000); records.length > 0; records = stream.take(5000)) {
          for (const record of records) {
            this.apply(record.key?.toString('utf8') ?? '', record.value, record.timestamp);
            changed = true;
          }
        }
        if (stream.position >= end) resolve();
        if (changed) for (const listener of this.#listeners) listener();
      };
      this.#stream = reader.open({ topic, partition: 0 }, start, { isolation: 'read_uncommitted', notify: drain });
      drain();
    });
  }

  /** Takes in one record of the control topic. */
  apply(key: string, value: Buffer | null, appendedAt: number): void {
    this.#tick = Math.max(this.#tick, appendedAt);
    if (value === null) {
      this.#claims.delete(key);
      return;
    }
    const claim = decodeClaim(key, value);
    if (!claim) return;
    const known = this.#claims.get(key);
    const sign = Math.max(known?.sign ?? Number.NEGATIVE_INFINITY, claim.sign ?? Number.NEGATIVE_INFINITY);
    const batch = mergeBatches(known?.batch, claim.batch);
    this.#claims.set(key, {
      ...claim,
      ...(batch ? { batch } : {}),
      at: Math.max(known?.at ?? Number.NEGATIVE_INFINITY, claim.at),
      ...(sign > Number.NEGATIVE_INFINITY ? { sign } : {}),
      heardAt: appendedAt,
    });
  }

  /** Broker time, epoch milliseconds, of the newest record read. -Infinity before the first. */
  get tick(): number {
    return this.#tick;
  }

  get(stage: string, task: string, source: string): KnownClaim | undefined {
    return this.#claims.get(claimKey(stage, task, source));
  }

  all(): Iterable<KnownClaim> {
    return this.#claims.values();
  }

  /** The minimum over all tasks of a stage; a task never heard of makes it -Infinity. Ended once it has for all. */
  minimum(stage: string, tasks: number, source: string): Reach {
    let least = Number.POSITIVE_INFINITY;
    let ended = true;
    for (let task = 0; task < tasks; task++) {
      const claim = this.get(stage, String(task), source);
      least = Math.min(least, claim?.at ?? Number.NEGATIVE_INFINITY);
      ended &&= claim?.ended ?? false;
    }
    return { at: least, ended };
  }

  /** Calls back after each change; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}
