import { setImmediate as turn } from 'node:timers/promises';
import type { ProduceBatch, TransactionalProducer } from '../../runtime/kafka/contract.ts';

/**
 * One transaction at a time for many callers: what is noted while one is on its way goes together into the next.
 * After the first error every call rejects with it: the owner has to take over afresh.
 */
export class GroupCommit {
  readonly #producer: TransactionalProducer;
  readonly #gather: () => readonly ProduceBatch[];
  #next: PromiseWithResolvers<void> | undefined;
  #busy = false;
  #fault: { readonly error: unknown } | undefined;

  /** `gather` hands over everything noted since it was last called. */
  constructor(producer: TransactionalProducer, gather: () => readonly ProduceBatch[]) {
    this.#producer = producer;
    this.#gather = gather;
  }

  /** Resolves when everything noted before this call has been committed. */
  commit(): Promise<void> {
    this.#next ??= Promise.withResolvers<void>();
    const { promise } = this.#next;
    if (!this.#busy) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    await turn();
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined;
      try {
        if (this.#fault !== undefined) throw this.#fault.error;
        const batches = this.#gather();
        if (batches.length > 0) await this.#producer.transact(batches);
        next.resolve();
      } catch (error) {
        this.#fault ??= { error };
        next.reject(error);
      }
    }
    this.#busy = false;
  }
}
