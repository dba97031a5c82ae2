import { FreshetError } from '../../runtime/errors.ts';
import type { PartitionStream } from '../../runtime/kafka/contract.ts';
import { tpKey } from '../../runtime/record.ts';
import type { RawRecord } from '../../runtime/record.ts';
import type { ActivationRequest } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { deliverRequest } from './deliver-request.ts';
import type { TaskHands } from './deliver-request.ts';
import { GroupCommit } from './group-commit.ts';
import { Ledger, ledgerTopic } from './ledger.ts';
import type { SinkTaskOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { Slots } from './slots.ts';

/**
 * The sink of one partition of requests, from take-over to the end. Each request is attempted in the order of its address;
 * the ledger is committed under the partition's own transactional id, so an earlier owner cannot begin anything any more.
 */
export class SinkTask {
  readonly #options: SinkTaskOptions;
  readonly #outbox: Outbox;
  readonly #leaving = new AbortController();
  /** Requests that are not finished: when they were written, by offset, ascending. */
  readonly #open = new Map<number, number>();
  readonly #chains = new Map<string, Promise<void>>();
  #next = 0;
  #stream: PartitionStream | undefined;
  #wake = (): void => undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(options: SinkTaskOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options);
  }

  /** Resolves after `stop` aborted and what was begun has been recorded. Rejects on a fault: take over afresh, with a new task. */
  async run(stop: AbortSignal): Promise<void> {
    const { kafka, group, partition } = this.#options;
    const producer = kafka.transactionalProducer(`${group}-${partition}`);
    try {
      await producer.init(stop);
      if (stop.aborted) return;
      const ledger = await this.#restore(stop);
      if (stop.aborted) return;
      const commits = new GroupCommit(producer, () => {
        const changes = ledger.changes(this.#position, this.#options.timing);
        return changes === undefined ? this.#outbox.take() : [changes, ...this.#outbox.take()];
      });
      await this.#work(this.#hands(ledger, commits), stop);
      await commits.commit();
    } finally {
      await producer.close();
    }
  }

  /** Requests read and not finished, and when the oldest of them was written; undefined: there is none. */
  get waiting(): { readonly requests: number; readonly since: number | undefined } {
    const [since] = this.#open.values();
    return { requests: this.#open.size + (this.#stream?.queued ?? 0), since };
  }

  async #restore(stop: AbortSignal): Promise<Ledger> {
    const { kafka, reader, names, sink, partition, rememberMs } = this.#options;
    const topic = names.topic(ledgerTopic(sink.channel).name);
    const ledger = await Ledger.restore(kafka, reader, { topic, partition, rememberMs }, stop);
    const at = { topic: names.topic(topics.activationsRequested.name), partition };
    const start = (await kafka.admin.startOffsets([at])).get(tpKey(at.topic, partition)) ?? 0;
    this.#next = Math.max(ledger.position ?? 0, start);
    for (const row of ledger.open()) {
      if (row.offset >= this.#next) continue;
      ledger.set(row.outcome.id, { state: 'done', offset: row.offset, at: this.#options.timing.now() });
      this.#outbox.outcome({ ...row.outcome, status: 'unknown', reason: 'the request was gone when the sink came back' });
    }
    return ledger;
  }

  #hands(ledger: Ledger, commits: GroupCommit): TaskHands {
    const { timing, leaseMs, effectTimeoutMs, concurrency } = this.#options;
    return {
      options: this.#options,
      ledger,
      slots: new Slots(concurrency),
      clearAt: timing.monotonic() + leaseMs + effectTimeoutMs,
      leaving: this.#leaving.signal,
      publish: (outcome) => this.#outbox.outcome(outcome),
      finished: (offset) => void this.#open.delete(offset),
      commit: () => commits.commit(),
    };
  }

  async #work(hands: TaskHands, stop: AbortSignal): Promise<void> {
    const { reader, names, partition } = this.#options;
    const at = { topic: names.topic(topics.activationsRequested.name), partition };
    const stream = (this.#stream = reader.open(at, this.#next, { notify: () => this.#wake(), maxQueuedBytes: 1 << 20 }));
    const stopped = (): void => this.#wake();
    stop.addEventListener('abort', stopped);
    try {
      await this.#take(stream, hands, stop);
    } finally {
      stop.removeEventListener('abort', stopped);
      this.#leaving.abort();
      stream.close();
      await Promise.all(this.#chains.values());
    }
    this.#throwFault();
  }

  async #take(stream: PartitionStream, hands: TaskHands, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      this.#throwFault();
      if (stream.error !== undefined) throw stream.error;
      const records = stream.take(Math.max(0, this.#options.window - this.#open.size));
      for (const record of records) await this.#admit(record, hands);
      if (records.length === 0) await woken;
    }
  }

  async #admit(record: RawRecord, hands: TaskHands): Promise<void> {
    this.#open.set(record.offset, record.timestamp);
    this.#next = record.offset + 1;
    const request = await this.#decode(record);
    if (request?.channel === this.#options.sink.channel) {
      this.#chain(record.key?.toString('base64') ?? request.to, () => deliverRequest(request, record, hands));
      return;
    }
    hands.finished(record.offset);
    if (request === undefined) this.#chain('', () => hands.commit());
  }

  /** Undefined when it is not a request; then it is on its way to the rejected ones. */
  async #decode(record: RawRecord): Promise<ActivationRequest | undefined> {
    const requested = this.#options.serdes.of(topics.activationsRequested);
    try {
      if (record.value === null) throw new FreshetError('DECODE_FAILED', 'a request must have a value');
      await requested.prepare?.(record.value);
      return requested.decode(record.value);
    } catch (error) {
      if (error instanceof FreshetError && error.retryable) throw error;
      this.#outbox.rejected(record, error instanceof FreshetError ? error.message : 'the request cannot be decoded');
      return undefined;
    }
  }

  /** Runs `work` after everything begun under the same key. */
  #chain(key: string, work: () => Promise<void>): void {
    const before = this.#chains.get(key) ?? Promise.resolve();
    const after = before
      .then(() => (this.#fault === undefined ? work() : undefined))
      .catch((error: unknown) => {
        this.#fault ??= { error };
        this.#leaving.abort();
      })
      .then(() => {
        if (this.#chains.get(key) === after) this.#chains.delete(key);
        this.#wake();
      });
    this.#chains.set(key, after);
  }

  /** Everything below is finished. */
  get #position(): number {
    for (const offset of this.#open.keys()) return offset;
    return this.#next;
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}
