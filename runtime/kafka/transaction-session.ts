import { FreshetError } from '../errors.ts';
import { tpKey } from '../record.ts';
import type { ProduceRecord, TopicPartition } from '../record.ts';
import { chunksOf, halves, nextSequence } from './chunks.ts';
import type { Cluster } from './cluster.ts';
import type { ProduceBatch, ProduceResult } from './contract.ts';
import { ProtocolError, asProtocolError, brokerError } from './protocol-error.ts';
import { encodeBatch } from './record-batch.ts';
import { addPartitionsToTxn, endTxn, initProducerId, produce } from './requests-producer.ts';
import type { ProducedBatch, ProducerIdentity } from './requests-producer.ts';
import type { ApiRequest } from './request.ts';
import { deadlineIn, pause, retrying } from './retry.ts';

/** transaction.timeout.ms: what the coordinator waits before it aborts. */
export const TRANSACTION_TIMEOUT_MS = 10_000;
const PRODUCE_TIMEOUT_MS = 10_000;

/** What is left to be written to one partition. */
interface Pending {
  readonly topic: string;
  readonly partition: number;
  readonly chunks: (readonly ProduceRecord[])[];
  /** The first chunk, encoded once: a retry has to carry the same sequence numbers. */
  encoded: Buffer | undefined;
  first: ProducedBatch | undefined;
}

/** The steps of transactions of one transactional id, each with the retries that are safe inside it. Rejects with ProtocolError. */
export class TransactionSession {
  readonly #cluster: Cluster;
  readonly #id: string;
  readonly #lane: string;
  readonly #sequences = new Map<string, number>();
  #identity: ProducerIdentity = { producerId: -1, epoch: -1 };

  constructor(cluster: Cluster, transactionalId: string, lane: string) {
    this.#cluster = cluster;
    this.#id = transactionalId;
    this.#lane = lane;
  }

  /** Retries until it works, `signal` aborts, or the cluster refuses for good. */
  async init(signal?: AbortSignal): Promise<void> {
    const aborted = (): boolean => signal?.aborted === true;
    const fencedByARace = (type: string): boolean => type === 'PRODUCER_FENCED' || type === 'INVALID_PRODUCER_EPOCH';
    const retriable = (error: ProtocolError): boolean => !aborted() && (error.retriable || fencedByARace(error.type));
    this.#identity = await this.#untilSettled({ deadline: Infinity, retriable, maxMs: 500 }, () => {
      if (aborted()) throw new FreshetError('CLOSED', `init of ${this.#id} was called off`);
      return this.#coordinate(initProducerId(this.#id, TRANSACTION_TIMEOUT_MS));
    });
    this.#sequences.clear();
  }

  /** Registers the partitions, in one request. A lost answer is final: the request could reach the next transaction. */
  async begin(partitions: readonly TopicPartition[], deadline: number): Promise<void> {
    await this.#untilSettled({ deadline, retriable: definitelyRetriable }, async () => {
      const codes = await this.#coordinate(addPartitionsToTxn(this.#id, this.#identity, partitions));
      const failed =
        codes.find(({ errorCode }) => errorCode !== 0 && errorCode !== 55) ?? codes.find((code) => code.errorCode !== 0);
      if (failed !== undefined) throw brokerError(failed.errorCode, `${this.#id} with ${failed.topic}-${failed.partition}`);
    });
  }

  /** Writes every batch, one request for each broker at a time; repeats under the same sequence numbers. */
  async write(batches: readonly ProduceBatch[], deadline: number): Promise<readonly ProduceResult[]> {
    const all = batches.map(({ topic, partition, records }) => {
      const pending: Pending = { topic, partition, chunks: chunksOf(records), encoded: undefined, first: undefined };
      return pending;
    });
    for (let failures = 0; ;) {
      const left = all.filter(({ chunks }) => chunks.length > 0);
      if (left.length === 0) return all.map(resultOf);
      const failure = await this.#writeRound(left);
      if (failure === undefined) failures = 0;
      else if (performance.now() > deadline) throw failure;
      else await this.#cluster.sleep(pause(failures++, 10, 500));
    }
  }

  async end(commit: boolean, deadline: number): Promise<void> {
    await this.#untilSettled({ deadline, retriable: definitelyRetriable }, () =>
      this.#coordinate(endTxn(this.#id, this.#identity, commit)),
    );
  }

  /** One request to each leader. Returns a retriable failure; throws any other, when all answers are in. */
  async #writeRound(left: readonly Pending[]): Promise<ProtocolError | undefined> {
    const failures: ProtocolError[] = [];
    const byLeader = new Map<number, Pending[]>();
    for (const pending of left) {
      try {
        const leader = await this.#cluster.leader(pending);
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), pending]);
      } catch (error) {
        failures.push(asProtocolError(error));
      }
    }
    const requests = [...byLeader].map(([leader, list]) => this.#writeTo(leader, list));
    for (const settled of await Promise.allSettled(requests)) {
      if (settled.status === 'fulfilled') failures.push(...settled.value);
      else failures.push(asProtocolError(settled.reason));
    }
    const fatal = failures.find(({ retriable }) => !retriable);
    if (fatal !== undefined) throw fatal;
    return failures[0];
  }

  async #writeTo(leader: number, list: readonly Pending[]): Promise<readonly ProtocolError[]> {
    const encoded = list.map((pending) => ({ topic: pending.topic, partition: pending.partition, bytes: this.#encode(pending) }));
    const produced = await this.#cluster.send(leader, this.#lane, produce(this.#id, encoded, PRODUCE_TIMEOUT_MS));
    const failures = list.map((pending) => {
      const answer = produced.find(({ topic, partition }) => topic === pending.topic && partition === pending.partition);
      return this.#settle(pending, answer);
    });
    return failures.filter((failure) => failure !== undefined);
  }

  #settle(pending: Pending, answer: ProducedBatch | undefined): ProtocolError | undefined {
    const { topic, partition, chunks } = pending;
    const where = `produce to ${topic}-${partition}`;
    const chunk = chunks[0] ?? [];
    if (answer === undefined) return new ProtocolError('NO_ANSWER', where, { definite: false, retriable: false });
    if (answer.errorCode === 0) {
      const key = tpKey(topic, partition);
      this.#sequences.set(key, nextSequence(this.#sequences.get(key) ?? 0, chunk.length));
      pending.first ??= answer;
      pending.encoded = undefined;
      chunks.shift();
      return undefined;
    }
    const error = brokerError(answer.errorCode, where);
    if (isTooLarge(error) && chunk.length > 1) {
      pending.encoded = undefined;
      chunks.splice(0, 1, ...halves(chunk));
      return undefined;
    }
    if (error.retriable) this.#cluster.forgetTopic(topic);
    return error;
  }

  #encode(pending: Pending): Buffer {
    const sequence = this.#sequences.get(tpKey(pending.topic, pending.partition)) ?? 0;
    const identity = { ...this.#identity, sequence, transactional: true };
    pending.encoded ??= encodeBatch(pending.chunks[0] ?? [], identity, Date.now());
    return pending.encoded;
  }

  async #coordinate<T>(request: ApiRequest<T>): Promise<T> {
    const coordinator = await this.#cluster.coordinator('transaction', this.#id);
    return await this.#cluster.send(coordinator, this.#lane, request);
  }

  /** CONCURRENT_TRANSACTIONS, the end of the transaction before, is a matter of milliseconds; anything else of the coordinator. */
  #untilSettled<T>(
    options: { deadline: number; retriable: (error: ProtocolError) => boolean; maxMs?: number },
    attempt: () => Promise<T>,
  ): Promise<T> {
    const patient = (): Promise<T> =>
      retrying(
        this.#cluster,
        { deadline: options.deadline, firstMs: 1, maxMs: 10, retriable: ({ type }) => type === 'CONCURRENT_TRANSACTIONS' },
        attempt,
      );
    const onRetry = (): void => this.#cluster.forgetCoordinator('transaction', this.#id);
    return retrying(this.#cluster, { maxMs: 200, ...options, onRetry }, patient);
  }
}

export function isTooLarge({ type }: ProtocolError): boolean {
  return type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE';
}

/** A time by which a transaction that begins now is decided, or else given up. */
export function transactionDeadline(): number {
  return deadlineIn(TRANSACTION_TIMEOUT_MS - 1_000);
}

function definitelyRetriable(error: ProtocolError): boolean {
  return error.retriable && error.definite;
}

function resultOf({ topic, partition, first }: Pending): ProduceResult {
  const appendTime = first?.appendTime ?? -1;
  return { topic, partition, baseOffset: first?.baseOffset ?? -1, appendTime: appendTime < 0 ? undefined : appendTime };
}
