import type { Clock } from '../../runtime/clock.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import type { Processor } from '../../runtime/processor.ts';
import type { Task } from '../../runtime/task.ts';
import { claimKey, type ClaimWriter, encodeClaim, TICK_KEY } from '../../runtime/watermarks/claims.ts';
import type { SourceClock } from '../../runtime/watermarks/contract.ts';
import { openFeed } from '../../runtime/watermarks/feed.ts';
import type { ProgressTable } from '../../runtime/watermarks/progress.ts';
import { sourceWatermark } from '../../runtime/watermarks/source-clock.ts';
import { SOURCE } from '../../runtime/watermarks/stages.ts';
import { upstreamClaims } from '../../runtime/worker.ts';

/** Claims that are known to everybody at once, without a topic between. */
export function sharedClaims(progress: ProgressTable, clock: Clock): ClaimWriter {
  const known = new Map<string, string>();
  return {
    claim: (claim) => {
      const key = claimKey(claim.stage, claim.task, claim.source);
      const value = encodeClaim(claim);
      if (known.get(key) === value.toString('latin1')) return;
      known.set(key, value.toString('latin1'));
      progress.apply(key, value, clock.now());
    },
    retire: (stage, task, source) => progress.apply(claimKey(stage, task, source), null, clock.now()),
    tick: () => progress.apply(TICK_KEY, Buffer.alloc(0), clock.now()),
    flush: async () => undefined,
    close: async () => undefined,
  };
}

export interface WatermarksOptions {
  readonly kafka: Kafka;
  readonly progress: ProgressTable;
  readonly claims: ClaimWriter;
  readonly sources: readonly SourceClock[];
  /** In the order of the walk. */
  readonly processors: readonly Processor[];
  readonly tasks: () => readonly Task[];
  readonly partitions: number;
}

/**
 * The clocks of the sources as they go through the walk, moved by hand: the real feed, the real reading of its silence, and
 * for each stage the claims of the one before, offered up to the ends of its inputs that were asked for afterwards.
 */
export class Watermarks {
  readonly #options: WatermarksOptions;
  #feed: ReturnType<typeof openFeed> | undefined;

  constructor(options: WatermarksOptions) {
    this.#options = options;
    this.feed();
  }

  /** What vouches for the sources: that of the gateway, or of whoever reads files. Opened anew after it was closed. */
  feed(): ReturnType<typeof openFeed> {
    const { sources, progress, claims } = this.#options;
    return (this.#feed ??= openFeed({ instance: 'feed', sources, progress, claims, intervalMs: 1 << 30 }));
  }

  /** The process behind the feed is gone. */
  async stopFeed(): Promise<void> {
    await this.#feed?.close();
    this.#feed = undefined;
  }

  /** One hop of every clock: what the sources say, then what each stage may adopt. True if there was anything new to adopt. */
  async pass(): Promise<boolean> {
    this.read();
    let moved = false;
    for (const processor of this.#options.processors) if (await this.offer(processor)) moved = true;
    return moved;
  }

  /** Event time up to which everything of the source has been seen; -Infinity: nothing yet. */
  of(source: string): number {
    return this.#options.progress.get(SOURCE, '0', source)?.at ?? Number.NEGATIVE_INFINITY;
  }

  /** The feed vouches, and the clocks of the sources are read off what the first stage claims. */
  read(): void {
    const { progress, claims, sources, processors, partitions } = this.#options;
    claims.tick();
    this.#feed?.advance();
    for (const clock of sources) {
      const reach = sourceWatermark(progress, clock, processors[0]?.name ?? '', partitions);
      if (reach.ended || reach.at > Number.NEGATIVE_INFINITY)
        claims.claim({ stage: SOURCE, task: '0', source: clock.source, ...reach });
    }
  }

  /** Offers the claims of the stage before to the tasks of a processor, up to the ends of their inputs as they are now. */
  async offer(processor: Processor): Promise<boolean> {
    const { kafka, progress, sources, partitions, tasks } = this.#options;
    const values = upstreamClaims({ progress }, processor, partitions, sources);
    let offered = false;
    for (const task of tasks()) {
      if (task.id.processor !== processor.name || !task.watermarks.wants(values)) continue;
      const ends = await kafka.admin.endOffsets([...(task.inputs?.partitions() ?? []), ...(task.inputs?.tables() ?? [])]);
      task.watermarks.offer({ values, ends });
      offered = true;
    }
    return offered;
  }
}
