import type { Kafka, GroupMember } from '../kafka/contract.ts';
import type { ClaimWriter } from './claims.ts';
import type { SourceClock } from './contract.ts';
import type { ProgressTable } from './progress.ts';
import { newestSign, sourceWatermark } from './source-clock.ts';
import { SOURCE } from './stages.ts';

/** What is known of a source at a moment; times are broker time or, the watermark, event time, epoch milliseconds. */
export interface SourceReading {
  readonly clock: SourceClock;
  /** -Infinity: nothing yet. */
  readonly watermark: number;
  readonly ended: boolean;
  /** Newest sign of life; -Infinity: none. */
  readonly sign: number;
  /** Newest broker time read. */
  readonly tick: number;
}

export interface SourceWatcherOptions {
  readonly kafka: Kafka;
  readonly progress: ProgressTable;
  readonly claims: ClaimWriter;
  readonly sources: readonly SourceClock[];
  /** The first processor of the walk, and how many tasks it has. */
  readonly stage: string;
  readonly tasks: number;
  readonly group: string;
  /** Name of this process in its groups, the same after a restart. */
  readonly instanceId?: string | undefined;
  /** Physical name of the control topic. */
  readonly topic: string;
  readonly intervalMs?: number;
  /** Called about once a second with the state of all sources. */
  readonly onReadings: (readings: readonly SourceReading[]) => void;
}

/**
 * The clocks of the sources: one member of its group reads the claims of the first processor and claims, for each source,
 * its watermark in event time. It also asks for ticks, so that broker time goes on when nobody sends anything.
 */
export class SourceWatcher {
  readonly #options: SourceWatcherOptions;
  readonly #member: GroupMember;
  #timers: NodeJS.Timeout[] = [];
  #owner = false;

  constructor(options: SourceWatcherOptions) {
    this.#options = options;
    this.#member = options.kafka.member({
      group: options.group,
      topic: options.topic,
      tasks: 1,
      instanceId: options.instanceId,
      owned: () => (this.#owner ? [0] : []),
      onAssignment: (tasks) => {
        this.#owner = tasks.includes(0);
      },
    });
  }

  async start(): Promise<void> {
    const { intervalMs = 200 } = this.#options;
    this.#timers = [
      setInterval(() => this.#claim(), intervalMs),
      setInterval(() => {
        if (this.#owner) this.#options.onReadings(this.readings());
      }, 1000),
    ];
    for (const timer of this.#timers) timer.unref();
    await this.#member.start();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#member.stop();
  }

  /** The state of all sources, as this process knows it. */
  readings(): SourceReading[] {
    const { progress, sources, stage, tasks } = this.#options;
    return sources.map((clock) => ({
      clock,
      watermark: progress.get(SOURCE, '0', clock.source)?.at ?? Number.NEGATIVE_INFINITY,
      ended: progress.get(SOURCE, '0', clock.source)?.ended ?? false,
      sign: newestSign(progress, clock, stage, tasks),
      tick: progress.tick,
    }));
  }

  #claim(): void {
    if (!this.#owner) return;
    const { progress, claims, sources, stage, tasks } = this.#options;
    claims.tick();
    for (const clock of sources) {
      const reach = sourceWatermark(progress, clock, stage, tasks);
      if (reach.ended || reach.at > Number.NEGATIVE_INFINITY)
        claims.claim({ stage: SOURCE, task: '0', source: clock.source, ...reach });
    }
  }
}
