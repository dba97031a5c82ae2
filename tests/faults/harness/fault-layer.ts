import type { TransactionalProducer } from '../../../runtime/kafka/contract.ts';
import { ManualClock } from '../../../runtime/clock.ts';
import { type ErrorCode, FreshetError } from '../../../runtime/errors.ts';
import { memoryEngine } from '../../../runtime/state/memory.ts';
import type { Store, StoreEngine } from '../../../runtime/state/store.ts';
import type { Task } from '../../../runtime/task.ts';
import { MemoryBroker, MemoryKafka } from '../../../runtime/testing/memory-kafka.ts';
import { MemoryRegistry } from '../../../schemas/registry/memory.ts';
import type { Registry } from '../../../schemas/registry/registry.ts';
import type { Ground } from '../../support/walk.ts';
import { randomOf } from './random.ts';

/** Draws for each call whether it fails; the same seed and the same calls, the same faults. */
export class Dice {
  /** Nothing fails while it is false. */
  armed = true;
  calls = 0;
  readonly faults = new Map<string, number>();
  readonly #random: () => number;
  readonly #probability: number;

  constructor(seed: number, probability: number) {
    this.#random = randomOf(seed);
    this.#probability = probability;
  }

  /** One of the ways to fail, or undefined: the call goes well. */
  draw<T extends string>(port: string, ways: readonly T[]): T | undefined {
    if (!this.armed) return undefined;
    this.calls += 1;
    if (this.#random() >= this.#probability) return undefined;
    const way = ways[Math.floor(this.#random() * ways.length)];
    const name = `${port} ${way}`;
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
    return way;
  }

  /** Faults done so far. */
  get total(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }
}

const failure = (code: ErrorCode): FreshetError => new FreshetError(code, 'a fault of the layer', { retryable: true });

/** A ground for walks on which every port fails now and then, and tasks heal as those of a worker do. */
export function faultyGround(dice: Dice, start: number): Ground {
  const clock = new ManualClock(start);
  // A worker would try again what fails while its tasks are opened; a driver does not.
  dice.armed = false;
  return {
    clock,
    broker: new FaultyBroker(dice, clock),
    engine: faultyEngine(memoryEngine(), dice),
    registry: faultyRegistry(new MemoryRegistry(), dice),
    step: (task) => {
      dice.armed = true;
      return healing(task);
    },
  };
}

/** One step; a task that fails takes over afresh until that succeeds, as its loop does. */
export async function healing(task: Task): Promise<boolean> {
  try {
    return await task.step();
  } catch (error) {
    if (!isRetried(error)) throw error;
    for (;;) {
      try {
        await task.takeOver();
        return true;
      } catch (again) {
        if (!isRetried(again)) throw again;
      }
    }
  }
}

const retried: ReadonlySet<string> = new Set(['TRANSACTION_FAILED', 'BROKER_UNAVAILABLE', 'REGISTRY_UNAVAILABLE', 'STORE_FULL']);
const isRetried = (error: unknown): boolean => error instanceof FreshetError && retried.has(error.code);

/** A broker to whose transactional producers things happen: refused, left open in the middle, done with the answer lost. */
class FaultyBroker extends MemoryBroker {
  readonly #dice: Dice;
  constructor(dice: Dice, clock: ManualClock) {
    super({ clock });
    this.#dice = dice;
  }

  override client(): MemoryKafka {
    return new FaultyKafka(this, this.#dice);
  }
}

class FaultyKafka extends MemoryKafka {
  readonly #broker: MemoryBroker;
  readonly #dice: Dice;
  constructor(broker: MemoryBroker, dice: Dice) {
    super(broker);
    this.#broker = broker;
    this.#dice = dice;
  }

  override transactionalProducer(subject: string): TransactionalProducer {
    const producer = super.transactionalProducer(subject);
    return {
      init: (signal) => {
        const at = this.#dice.draw('init', ['before', 'after']);
        if (at) this.#broker.failNext('init', failure('BROKER_UNAVAILABLE'), { at, subject });
        return producer.init(signal);
      },
      transact: (batches) => {
        const at = this.#dice.draw('transact', ['before', 'open', 'after']);
        if (at) this.#broker.failNext('transact', failure('TRANSACTION_FAILED'), { at, subject });
        return producer.transact(batches);
      },
      close: () => producer.close(),
    };
  }
}

/** Stores that cannot be opened, read or written now and then. */
export function faultyEngine(engine: StoreEngine, dice: Dice): StoreEngine {
  const attempt = (port: string): void => {
    if (dice.draw(port, ['full'])) throw failure('STORE_FULL');
  };
  return {
    open: async (name): Promise<Store> => {
      attempt('open');
      const store = await engine.open(name);
      return {
        getMany: (keys) => (attempt('getMany'), store.getMany(keys)),
        get: (key) => store.get(key),
        write: (ops) => (attempt('write'), store.write(ops)),
        scan: (range) => store.scan(range),
        size: () => store.size(),
        close: () => store.close(),
      };
    },
    destroy: (name) => engine.destroy(name),
  };
}

/** A registry that is away now and then when a schema is asked for. */
function faultyRegistry(registry: Registry, dice: Dice): Registry {
  return {
    register: (subject, schema) => registry.register(subject, schema),
    schema: async (id) => {
      if (dice.draw('schema', ['away'])) throw failure('REGISTRY_UNAVAILABLE');
      return await registry.schema(id);
    },
  };
}
