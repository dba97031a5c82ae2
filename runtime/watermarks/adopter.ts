import type { Admin } from '../kafka/contract.ts';
import { type TopicPartition, tpKey } from '../record.ts';
import type { Reach } from './contract.ts';
import type { ProgressTable } from './progress.ts';
import type { TaskWatermarks } from './task-watermarks.ts';

/** What the adopter needs to know of a task. */
export interface AdoptingTask {
  readonly watermarks: TaskWatermarks;
  readonly inputs: { partitions(): readonly TopicPartition[]; tables(): readonly TopicPartition[] } | undefined;
  readonly wake: () => void;
}

export interface AdopterOptions {
  readonly admin: Admin;
  readonly progress: ProgressTable;
  readonly tasks: () => Iterable<AdoptingTask>;
  /** Reads, from the progress table as it is now, what the upstream stages claim for each source. */
  readonly upstream: () => ReadonlyMap<string, Reach>;
  readonly onEnds?: (ends: ReadonlyMap<string, number>) => void;
  readonly onError?: (error: unknown) => void;
}

/**
 * Turns claims into offers, for all tasks of a processor at once: first the claims are read, then the ends of the inputs
 * are asked for. This order is the proof: what was claimed was acknowledged before, so it lies below these ends.
 */
export class Adopter {
  readonly #options: AdopterOptions;
  #running: Promise<void> | undefined;
  #again = false;
  #failing = false;

  constructor(options: AdopterOptions) {
    this.#options = options;
  }

  /** Starts a round; if one is running, another follows it. */
  readonly poke = (): void => {
    this.#again = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = undefined;
    });
  };

  /** Resolves when no round is running. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #rounds(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        await this.#round();
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#options.onError?.(error);
        this.#failing = true;
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const { admin, tasks, upstream, onEnds } = this.#options;
    const values = upstream();
    const asking: { task: AdoptingTask; partitions: readonly TopicPartition[] }[] = [];
    for (const task of tasks()) {
      const { inputs } = task;
      if (inputs && task.watermarks.wants(values))
        asking.push({ task, partitions: [...inputs.partitions(), ...inputs.tables()] });
    }
    if (asking.length === 0) return;
    const ends = await admin.endOffsets(asking.flatMap(({ partitions }) => partitions));
    onEnds?.(ends);
    for (const { task, partitions } of asking) {
      const own = new Map<string, number>();
      for (const { topic, partition } of partitions) {
        const end = ends.get(tpKey(topic, partition));
        if (end === undefined) return;
        own.set(tpKey(topic, partition), end);
      }
      task.watermarks.offer({ values, ends: own });
      task.wake();
    }
  }
}
