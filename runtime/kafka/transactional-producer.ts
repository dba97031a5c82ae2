import { FreshetError } from '../errors.ts';
import { tpKey } from '../record.ts';
import type { Cluster } from './cluster.ts';
import type { ProduceBatch, ProduceResult, TransactionalProducer } from './contract.ts';
import { asProtocolError } from './protocol-error.ts';
import { TransactionSession, isTooLarge, transactionDeadline } from './transaction-session.ts';

/** Whole transactions under one transactional id; one error and it is dead, because a lost answer may have been a commit. */
export class KafkaTransactionalProducer implements TransactionalProducer {
  readonly #id: string;
  readonly #session: TransactionSession;
  #state: 'new' | 'ready' | 'busy' = 'new';
  #dead: FreshetError | undefined;

  constructor(cluster: Cluster, transactionalId: string, lane: string) {
    this.#id = transactionalId;
    this.#session = new TransactionSession(cluster, transactionalId, lane);
  }

  async init(signal?: AbortSignal): Promise<void> {
    if (this.#dead !== undefined) throw deadError(this.#id, this.#dead);
    try {
      await this.#session.init(signal);
      this.#state = 'ready';
    } catch (error) {
      throw failureOf(this.#id, error);
    }
    if (this.#dead !== undefined) throw deadError(this.#id, this.#dead);
  }

  async transact(batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]> {
    if (this.#dead !== undefined) throw deadError(this.#id, this.#dead);
    if (this.#state !== 'ready') {
      throw new FreshetError('TRANSACTION_FAILED', `${this.#id} ${this.#state === 'new' ? 'is not initialised' : 'is at work'}`);
    }
    if (batches.length === 0) return [];
    this.#state = 'busy';
    try {
      return await this.#transact(batches);
    } catch (error) {
      const failure = failureOf(this.#id, error);
      this.#dead ??= failure;
      throw failure;
    } finally {
      this.#state = 'ready';
    }
  }

  async close(): Promise<void> {
    this.#dead ??= new FreshetError('CLOSED', `producer ${this.#id} is closed`);
  }

  async #transact(batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]> {
    const empty = batches.some(({ records }) => records.length === 0);
    const partitions = new Set(batches.map(({ topic, partition }) => tpKey(topic, partition)));
    if (empty || partitions.size < batches.length) {
      throw new FreshetError('TRANSACTION_FAILED', 'a transaction takes one batch for each partition, none of them empty');
    }
    const deadline = transactionDeadline();
    await this.#session.begin(batches, deadline);
    const results = await this.#write(batches, deadline);
    await this.#session.end(true, deadline);
    return results;
  }

  async #write(batches: readonly ProduceBatch[], deadline: number): Promise<readonly ProduceResult[]> {
    try {
      return await this.#session.write(batches, deadline);
    } catch (error) {
      // Nothing is on its way: an abort now spares the readers the wait for the next owner or the time-out.
      if (asProtocolError(error).definite) await this.#session.end(false, 0).catch(() => undefined);
      throw error;
    }
  }
}

function deadError(id: string, cause: FreshetError): FreshetError {
  if (cause.code === 'FENCED' || cause.code === 'CLOSED') return cause;
  return new FreshetError('TRANSACTION_FAILED', `producer ${id} is dead after an error; take the id over afresh`, { cause });
}

function failureOf(id: string, error: unknown): FreshetError {
  if (error instanceof FreshetError) return error;
  const failure = asProtocolError(error);
  const { type, message: cause } = failure;
  if (type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED') {
    return new FreshetError('FENCED', `another producer has taken ${id} over`, { cause: failure });
  }
  if (isTooLarge(failure)) return new FreshetError('RECORD_TOO_LARGE', `a record of ${id}: ${cause}`, { cause: failure });
  const retryable = failure.retriable || !failure.definite;
  return new FreshetError('TRANSACTION_FAILED', `transaction of ${id}: ${cause}`, { cause: failure, retryable });
}
