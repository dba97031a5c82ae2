import { FreshetError } from '../errors.ts';
import type { PartitionLog } from './memory-kafka-log.ts';
import type { Schedule } from './memory-kafka-schedule.ts';

interface TransactionState {
  readonly producerId: number;
  epoch: number;
  readonly partitions: Set<PartitionLog>;
  /** Set from the answer to EndTxn until the last marker is written. */
  completing: Promise<void> | undefined;
}

export interface ProducerIdentity {
  readonly producerId: number;
  readonly epoch: number;
}

/** The transaction coordinator: one producer id for each transactional id, an epoch that fences, markers on every partition. */
export class TransactionCoordinator {
  readonly #states = new Map<string, TransactionState>();
  readonly #schedule: Schedule;
  readonly #now: () => number;

  constructor(schedule: Schedule, now: () => number) {
    this.#schedule = schedule;
    this.#now = now;
  }

  /** InitProducerId: fences, aborts what is open, waits for its end, and hands out the next epoch. */
  async init(transactionalId: string): Promise<ProducerIdentity> {
    const state = this.#stateOf(transactionalId);
    state.epoch++;
    while (state.completing !== undefined || state.partitions.size > 0) {
      if (state.completing === undefined) this.#complete(state, false);
      await state.completing;
    }
    state.epoch++;
    return { producerId: state.producerId, epoch: state.epoch };
  }

  /** AddPartitionsToTxn; waits where a broker would answer CONCURRENT_TRANSACTIONS. */
  async begin(transactionalId: string, identity: ProducerIdentity, partitions: readonly PartitionLog[]): Promise<void> {
    const state = this.#check(transactionalId, identity);
    while (state.completing !== undefined) await state.completing;
    this.#check(transactionalId, identity);
    for (const partition of partitions) state.partitions.add(partition);
  }

  /** FENCED unless the identity is still the newest of its id. */
  verify(transactionalId: string, identity: ProducerIdentity): void {
    this.#check(transactionalId, identity);
  }

  /** EndTxn: returns when the outcome is decided; markers may come later. */
  end(transactionalId: string, identity: ProducerIdentity, commit: boolean): void {
    this.#complete(this.#check(transactionalId, identity), commit);
  }

  /** What the coordinator does after transaction.timeout.ms: aborts every open transaction and fences its producer. */
  expire(): void {
    for (const state of this.#states.values()) {
      if (state.partitions.size === 0 || state.completing !== undefined) continue;
      state.epoch++;
      this.#complete(state, false);
    }
  }

  #stateOf(transactionalId: string): TransactionState {
    let state = this.#states.get(transactionalId);
    if (state === undefined) {
      state = { producerId: this.#states.size + 1, epoch: -1, partitions: new Set(), completing: undefined };
      this.#states.set(transactionalId, state);
    }
    return state;
  }

  #check(transactionalId: string, identity: ProducerIdentity): TransactionState {
    const state = this.#stateOf(transactionalId);
    if (state.epoch === identity.epoch) return state;
    throw new FreshetError('FENCED', `another producer has taken ${transactionalId} over`);
  }

  #complete(state: TransactionState, commit: boolean): void {
    const marked = [...state.partitions].map((partition) => {
      const turns = this.#schedule.turns('lateMarkers');
      if (turns > 0) return this.#schedule.wait(turns).then(() => partition.mark(state.producerId, commit, this.#now()));
      partition.mark(state.producerId, commit, this.#now());
      return undefined;
    });
    state.partitions.clear();
    const late = marked.filter((mark) => mark !== undefined);
    if (late.length === 0) return;
    state.completing = Promise.all(late).then(() => {
      state.completing = undefined;
    });
  }
}
