import { FreshetError } from '../errors.ts';
import type { ProduceRecord, TopicPartition } from '../record.ts';
import { chunksOf, halves, nextSequence } from './chunks.ts';
import type { Cluster } from './cluster.ts';
import type { ProduceResult } from './contract.ts';
import { ProtocolError, asProtocolError, brokerError } from './protocol-error.ts';
import { encodeBatch } from './record-batch.ts';
import { initProducerId, produce } from './requests-producer.ts';
import type { ProducedBatch, ProducerIdentity } from './requests-producer.ts';
import { pause } from './retry.ts';
import { isTooLarge } from './transaction-session.ts';

const PRODUCE_TIMEOUT_MS = 10_000;
const MAX_BATCH_RECORDS = 5_000;
const MAX_BATCH_BYTES = 512 * 1024;

/** A run of records of one send; a send that is too large for one batch has several. */
interface Part {
  readonly send: Send;
  readonly records: readonly ProduceRecord[];
}

interface Send {
  /** Parts not yet acknowledged. */
  left: number;
  first: { readonly baseOffset: number; readonly appendTime: number } | undefined;
  settled: boolean;
  readonly settle: (outcome: ProduceResult | FreshetError) => void;
}

/** The broker does not know the producer's sequence any more: a new producer id has to go on. */
const sequenceErrors = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);

/**
 * Writes to one partition under a producer id of its own: one batch is under way, what arrives meanwhile makes up the next.
 * A batch is repeated under the same sequence numbers until it is acknowledged or all its senders have given up; then its
 * fate is not known, and the next batch begins with a new producer id.
 */
export class PartitionWriter {
  readonly #cluster: Cluster;
  readonly #at: TopicPartition;
  readonly #lane: string;
  #waiting: Part[] = [];
  #running: Promise<void> | undefined;
  #identity: (ProducerIdentity & { sequence: number }) | undefined;
  #lastFailure: ProtocolError | undefined;

  constructor(cluster: Cluster, at: TopicPartition, lane: string) {
    this.#cluster = cluster;
    this.#at = at;
    this.#lane = lane;
  }

  send(records: readonly ProduceRecord[], timeoutMs: number): Promise<ProduceResult> {
    return new Promise((resolve, reject) => {
      const chunks = chunksOf(records);
      const timer = setTimeout(() => send.settle(this.#timedOut(timeoutMs)), timeoutMs);
      const send: Send = {
        left: chunks.length,
        first: undefined,
        settled: false,
        settle: (outcome) => {
          if (send.settled) return;
          send.settled = true;
          clearTimeout(timer);
          if (outcome instanceof FreshetError) reject(outcome);
          else resolve(outcome);
        },
      };
      this.#waiting.push(...chunks.map((chunk) => ({ send, records: chunk })));
      this.#running ??= this.#run();
    });
  }

  /** Resolves when every send has been settled. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Begins a turn later, so that all sends of one turn share a batch. */
  async #run(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) await this.#write(this.#nextBatch());
    } finally {
      this.#running = undefined;
    }
  }

  #nextBatch(): readonly Part[] {
    this.#waiting = this.#waiting.filter(({ send }) => !send.settled);
    let records = 0;
    let bytes = 0;
    const end = this.#waiting.findIndex((part, index) => {
      records += part.records.length;
      bytes += part.records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 64, 0);
      return index > 0 && (records > MAX_BATCH_RECORDS || bytes > MAX_BATCH_BYTES);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** Returns when the batch is written, refused, or given up. */
  async #write(parts: readonly Part[]): Promise<void> {
    const records = parts.flatMap((part) => part.records);
    let bytes: Buffer | undefined;
    let attempts = 0;
    while (parts.some(({ send }) => !send.settled)) {
      try {
        this.#identity ??= { ...(await this.#cluster.sendToAny(initProducerId(null, 0x7fffffff))), sequence: 0 };
        bytes ??= encodeBatch(records, { ...this.#identity, transactional: false }, Date.now());
        const leader = await this.#cluster.leader(this.#at);
        attempts++;
        this.#acknowledge(parts, await this.#produce(leader, bytes));
        this.#identity.sequence = nextSequence(this.#identity.sequence, records.length);
        return;
      } catch (error) {
        const failure = asProtocolError(error);
        this.#lastFailure = failure;
        if (this.#cluster.isClosed || error instanceof FreshetError) return this.#reject(parts, failure);
        if (sequenceErrors.has(failure.type)) {
          this.#identity = undefined;
          bytes = undefined;
          if (attempts > 1) return this.#reject(parts, failure);
        } else if (!failure.retriable) {
          return await this.#refused(parts, failure);
        } else {
          this.#cluster.forgetTopic(this.#at.topic);
          await this.#cluster.sleep(pause(attempts, 10, 1_000)).catch(() => undefined);
        }
      }
    }
    if (attempts > 0) this.#identity = undefined;
  }

  async #produce(leader: number, bytes: Buffer): Promise<ProducedBatch> {
    const { topic, partition } = this.#at;
    const [answer] = await this.#cluster.send(
      leader,
      this.#lane,
      produce(null, [{ topic, partition, bytes }], PRODUCE_TIMEOUT_MS),
    );
    const where = `produce to ${topic}-${partition}`;
    if (answer === undefined) throw new ProtocolError('NO_ANSWER', where, { definite: false, retriable: true });
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, where);
    return answer;
  }

  #acknowledge(parts: readonly Part[], { baseOffset, appendTime }: ProducedBatch): void {
    let offset = baseOffset;
    for (const { send, records } of parts) {
      send.first ??= { baseOffset: offset, appendTime };
      offset += records.length;
      if (--send.left > 0) continue;
      const { baseOffset: base, appendTime: time } = send.first;
      send.settle({ ...this.#at, baseOffset: base, appendTime: time < 0 ? undefined : time });
    }
  }

  /** The broker will not have this batch: whose fault it is shows when the parts go one by one. */
  async #refused(parts: readonly Part[], failure: ProtocolError): Promise<void> {
    const [part] = parts;
    if (parts.length > 1) {
      for (const single of parts) await this.#write([single]);
    } else if (part !== undefined && isTooLarge(failure) && part.records.length > 1) {
      part.send.left++;
      for (const half of halves(part.records)) await this.#write([{ send: part.send, records: half }]);
    } else {
      this.#reject(parts, failure);
    }
  }

  #reject(parts: readonly Part[], failure: ProtocolError): void {
    const error = this.#errorOf(failure);
    for (const { send } of parts) send.settle(error);
  }

  #errorOf(failure: ProtocolError): FreshetError {
    const { message: cause, type } = failure;
    if (this.#cluster.isClosed) return new FreshetError('CLOSED', 'the Kafka client is closed', { cause: failure });
    if (isTooLarge(failure)) return new FreshetError('RECORD_TOO_LARGE', cause, { cause: failure });
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || !(failure.retriable || sequenceErrors.has(type))) {
      return new FreshetError('PRODUCE_FAILED', cause, { cause: failure });
    }
    return new FreshetError('BROKER_UNAVAILABLE', cause, { cause: failure, retryable: true });
  }

  #timedOut(timeoutMs: number): FreshetError {
    if (this.#lastFailure !== undefined) return this.#errorOf(this.#lastFailure);
    const message = `no answer to a produce request in ${timeoutMs} ms`;
    return new FreshetError('BROKER_UNAVAILABLE', message, { retryable: true });
  }
}
