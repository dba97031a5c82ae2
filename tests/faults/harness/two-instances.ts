import { ManualClock } from '../../../runtime/clock.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import { memoryEngine } from '../../../runtime/state/memory.ts';
import type { StoreEngine } from '../../../runtime/state/store.ts';
import { storeName } from '../../../runtime/take-over.ts';
import type { Task } from '../../../runtime/task.ts';
import { MemoryBroker } from '../../../runtime/testing/memory-kafka.ts';
import type { Ground } from '../../support/walk.ts';

/** Where in its transaction a task's process ends: before it, in its middle, after its commit and before its store knows. */
export type KillAt = 'before' | 'open' | 'after';

/**
 * A ground for walks on two processes in one: each has stores and a clock of its own, and the tasks are shared out among them. When
 * one ends, or gives tasks away, the other takes them over with whatever its own store holds.
 */
export class TwoInstances {
  readonly clock: ManualClock;
  readonly broker: MemoryBroker;
  /** By how much the clock of each process is wrong, milliseconds. */
  readonly skew = [0, 0];
  kills = 0;
  moves = 0;
  readonly #engines = [memoryEngine(), memoryEngine()] as const;
  readonly #owners = new Map<string, 0 | 1>();
  readonly #moved = new Set<Task>();
  readonly #tasks = new Set<Task>();
  #current: 0 | 1 = 0;

  constructor(start: number) {
    this.clock = new ManualClock(start);
    this.broker = new MemoryBroker({ clock: this.clock });
  }

  get ground(): Ground {
    const engine: StoreEngine = {
      open: (name) => this.#engines[this.#ownerOf(name)].open(name),
      destroy: (name) => this.#engines[this.#ownerOf(name)].destroy(name),
    };
    const { clock, broker } = this;
    const processClock = { now: () => clock.now() + (this.skew[this.#current] ?? 0) };
    return { clock, broker, engine, processClock, step: (task) => this.#step(task) };
  }

  /** The next transaction of the task ends its process there. */
  kill(task: Task, at: KillAt): void {
    this.broker.failNext('transact', new FreshetError('TRANSACTION_FAILED', 'killed'), { at, subject: storeName(task.id) });
  }

  /** The process ends between two transactions: all its tasks go to the other. */
  end(instance: 0 | 1): void {
    this.kills += 1;
    for (const task of this.#tasks) if (this.#ownerOf(storeName(task.id)) === instance) this.#move(task);
  }

  /** A rebalance gives the task to the other process. */
  rebalance(task: Task): void {
    this.moves += 1;
    this.#move(task);
  }

  #move(task: Task): void {
    this.#moved.add(task);
    this.#owners.set(storeName(task.id), this.#ownerOf(storeName(task.id)) === 0 ? 1 : 0);
  }

  async #step(task: Task): Promise<boolean> {
    this.#tasks.add(task);
    if (this.#moved.has(task)) {
      await task.takeOver();
      this.#moved.delete(task);
    }
    this.#current = this.#ownerOf(storeName(task.id));
    try {
      return await task.step();
    } catch (error) {
      if (!(error instanceof FreshetError) || error.message !== 'killed') throw error;
      this.end(this.#ownerOf(storeName(task.id)));
      return true;
    }
  }

  #ownerOf(name: string): 0 | 1 {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const owner = this.#owners.size % 2 === 0 ? 0 : 1;
    this.#owners.set(name, owner);
    return owner;
  }
}
