import { FreshetError } from '../errors.ts';
import type { ProduceBatch, ProduceResult, Producer, TransactionalProducer } from '../kafka/contract.ts';
import { tpKey } from '../record.ts';
import type { ProduceRecord } from '../record.ts';
import type { MemoryBroker } from './memory-kafka.ts';
import type { ProducerIdentity } from './memory-kafka-transactions.ts';

/** Writes in call order for each partition; acknowledged means written. */
export class MemoryProducer implements Producer {
  readonly #broker: MemoryBroker;
  readonly #tails = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  async send(batch: ProduceBatch): Promise<ProduceResult> {
    if (this.#closed) throw new FreshetError('CLOSED', 'the producer is closed');
    const key = tpKey(batch.topic, batch.partition);
    const sent = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#write(batch));
    this.#tails.set(
      key,
      sent.catch(() => undefined),
    );
    const result = await sent;
    await this.#broker.schedule.wait(this.#broker.schedule.turns('lateAnswers'));
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#tails.values());
  }

  async #write({ topic, partition, records }: ProduceBatch): Promise<ProduceResult> {
    const broker = this.#broker;
    await broker.schedule.wait(broker.schedule.turns('linger'));
    broker.faults.check('send', 'before', topic);
    checkRecords(records, broker.maxRecordBytes, 'PRODUCE_FAILED');
    const log = broker.find({ topic, partition });
    if (log === undefined) throw new FreshetError('PRODUCE_FAILED', `there is no ${topic}-${partition}`);
    const now = broker.now();
    const appendTime = broker.hasAppendTime(topic);
    const baseOffset = log.append(records, now, appendTime);
    broker.faults.check('send', 'after', topic);
    return { topic, partition, baseOffset, appendTime: appendTime ? now : undefined };
  }
}

/** One whole transaction for each call; dead after the first error. */
export class MemoryTransactionalProducer implements TransactionalProducer {
  readonly #broker: MemoryBroker;
  readonly #id: string;
  #identity: ProducerIdentity | undefined;
  #dead: Error | undefined;
  #busy = false;

  constructor(broker: MemoryBroker, transactionalId: string) {
    this.#broker = broker;
    this.#id = transactionalId;
  }

  async init(signal?: AbortSignal): Promise<void> {
    this.#checkAlive();
    if (signal?.aborted) throw new FreshetError('CLOSED', `init of ${this.#id} was called off`);
    this.#broker.faults.check('init', 'before', this.#id);
    const identity = await this.#broker.coordinator.init(this.#id);
    this.#broker.faults.check('init', 'after', this.#id);
    this.#checkAlive();
    this.#identity = identity;
  }

  async transact(batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]> {
    this.#checkAlive();
    const identity = this.#identity;
    if (identity === undefined) throw new FreshetError('TRANSACTION_FAILED', `${this.#id} is not initialised`);
    if (this.#busy) throw new FreshetError('TRANSACTION_FAILED', `${this.#id} has a transaction under way`);
    if (batches.length === 0) return [];
    this.#busy = true;
    try {
      return await this.#transact(identity, batches);
    } catch (error) {
      const failure = asFailure(this.#id, error);
      this.#dead = failure;
      throw failure;
    } finally {
      this.#busy = false;
    }
  }

  async close(): Promise<void> {
    this.#dead ??= new FreshetError('CLOSED', `producer ${this.#id} is closed`);
  }

  async #transact(identity: ProducerIdentity, batches: readonly ProduceBatch[]): Promise<readonly ProduceResult[]> {
    const { coordinator, faults, schedule } = this.#broker;
    faults.check('transact', 'before', this.#id);
    for (const { records } of batches) checkRecords(records, this.#broker.maxRecordBytes, 'TRANSACTION_FAILED');
    const logs = batches.map((batch) => {
      const log = this.#broker.find(batch);
      if (log !== undefined) return log;
      throw new FreshetError('TRANSACTION_FAILED', `there is no ${batch.topic}-${batch.partition}`);
    });
    if (new Set(logs).size < logs.length) {
      throw new FreshetError('TRANSACTION_FAILED', 'a transaction takes one batch for each partition');
    }
    await coordinator.begin(this.#id, identity, logs);
    const results: ProduceResult[] = [];
    for (const [index, { topic, partition, records }] of batches.entries()) {
      await schedule.wait(schedule.turns('lateAnswers'));
      this.#checkAlive();
      coordinator.verify(this.#id, identity);
      const appendTime = this.#broker.hasAppendTime(topic);
      const now = this.#broker.now();
      const baseOffset = logs[index]?.append(records, now, appendTime, identity.producerId) ?? -1;
      results.push({ topic, partition, baseOffset, appendTime: appendTime ? now : undefined });
    }
    await schedule.wait(1);
    this.#checkAlive();
    faults.check('transact', 'open', this.#id);
    coordinator.end(this.#id, identity, true);
    await schedule.wait(schedule.turns('lateAnswers'));
    faults.check('transact', 'after', this.#id);
    return results;
  }

  #checkAlive(): void {
    if (this.#dead !== undefined) throw deadError(this.#id, this.#dead);
  }
}

function deadError(id: string, cause: Error): Error {
  if (cause instanceof FreshetError && (cause.code === 'FENCED' || cause.code === 'CLOSED')) return cause;
  return new FreshetError('TRANSACTION_FAILED', `producer ${id} is dead after an error; take the id over afresh`, { cause });
}

function asFailure(id: string, error: unknown): FreshetError {
  if (error instanceof FreshetError) return error;
  return new FreshetError('TRANSACTION_FAILED', `a transaction of ${id} failed`, { cause: error, retryable: true });
}

function checkRecords(records: readonly ProduceRecord[], maxBytes: number, code: 'PRODUCE_FAILED' | 'TRANSACTION_FAILED'): void {
  if (records.length === 0) throw new FreshetError(code, 'a batch holds at least one record');
  for (const { key, value } of records) {
    const bytes = (key?.length ?? 0) + (value?.length ?? 0);
    if (bytes > maxBytes) throw new FreshetError('RECORD_TOO_LARGE', `a record of ${bytes} bytes; the broker takes ${maxBytes}`);
  }
}
