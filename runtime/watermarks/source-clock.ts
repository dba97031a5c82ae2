import type { Reach, SourceClock } from './contract.ts';
import type { ProgressTable } from './progress.ts';
import { SOURCE } from './stages.ts';

/**
 * The watermark of a source in event time, from what its first processor claims: the one place where silence is
 * interpreted. Drained up to broker time `at` means events up to `at` minus the lateness have been seen, as long as the
 * source is known to live; a stated clock is event time already.
 */
export function sourceWatermark(progress: ProgressTable, clock: SourceClock, stage: string, tasks: number): Reach {
  const before = progress.get(SOURCE, '0', clock.source)?.at ?? Number.NEGATIVE_INFINITY;
  const drained = progress.minimum(stage, tasks, clock.source);
  if (clock.liveness.kind === 'stated') return { at: Math.max(before, drained.at), ended: drained.ended };
  const known =
    clock.liveness.kind === 'idle-after'
      ? Math.min(drained.at, newestSign(progress, clock, stage, tasks) + clock.liveness.patienceMs)
      : drained.at;
  return { at: Math.max(before, known - clock.latenessMs), ended: false };
}

/** Broker time of the newest sign of life, -Infinity before the first. Of a feed with a heartbeat it is the heartbeat. */
export function newestSign(progress: ProgressTable, clock: SourceClock, stage: string, tasks: number): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (let task = 0; task < tasks; task++) {
    const claim = progress.get(stage, String(task), clock.source);
    const sign = clock.liveness.kind === 'heartbeat' ? claim?.at : claim?.sign;
    newest = Math.max(newest, sign ?? Number.NEGATIVE_INFINITY);
  }
  return newest;
}
