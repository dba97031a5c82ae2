import type { Reach, SourceClock } from './contract.ts';
import type { KnownClaim, ProgressTable } from './progress.ts';
import { completeUpTo } from './source-batches.ts';
import { SOURCE } from './stages.ts';

/**
 * The watermark of a source in event time, from what its first processor claims: the one place where silence is
 * interpreted. Drained up to broker time `at` means events up to `at` minus the lateness have been seen, as long as the
 * source is known to live; a stated clock is event time already; of batches only the as-of of a complete one counts. None is
 * fresher than the slowest of what feeds it.
 */
export function sourceWatermark(progress: ProgressTable, clock: SourceClock, stage: string, tasks: number): Reach {
  const before = progress.get(SOURCE, '0', clock.source)?.at ?? Number.NEGATIVE_INFINITY;
  const drained = progress.minimum(stage, tasks, clock.source);
  const known = knownUpTo(progress, clock, stage, tasks, drained.at);
  const ended = clock.liveness.kind === 'stated' && drained.ended;
  return { at: Math.max(before, fedUpTo(progress, clock, known)), ended };
}

function knownUpTo(progress: ProgressTable, clock: SourceClock, stage: string, tasks: number, drained: number): number {
  const { liveness, latenessMs } = clock;
  switch (liveness.kind) {
    case 'stated':
      return drained;
    case 'heartbeat':
      return drained - latenessMs;
    case 'idle-after':
      return Math.min(drained, newestSign(progress, clock, stage, tasks) + liveness.patienceMs) - latenessMs;
    default: {
      const marks = claimsOf(progress, clock, stage, tasks).flatMap(({ batch }) => (batch ? [batch] : []));
      return completeUpTo(marks, drained, liveness.ends);
    }
  }
}

/** Limited by every link before the source. */
function fedUpTo(progress: ProgressTable, { feeders = [] }: SourceClock, known: number): number {
  const limits = feeders.map(({ name, upTo, isSource }) => {
    const fed = Number.isFinite(known) ? upTo(known) : known;
    const claim = isSource ? progress.get(SOURCE, '0', name) : undefined;
    if (!isSource || claim?.ended) return fed;
    return Math.min(fed, claim?.at ?? Number.NEGATIVE_INFINITY);
  });
  return Math.min(known, ...limits);
}

/** Broker time of the newest sign of life, -Infinity before the first. Of a feed with a heartbeat it is the heartbeat. */
export function newestSign(progress: ProgressTable, clock: SourceClock, stage: string, tasks: number): number {
  const isBeating = clock.liveness.kind === 'heartbeat';
  const signs = claimsOf(progress, clock, stage, tasks).map(({ at, sign }) => (isBeating ? at : sign));
  return Math.max(Number.NEGATIVE_INFINITY, ...signs.map((sign) => sign ?? Number.NEGATIVE_INFINITY));
}

function claimsOf(progress: ProgressTable, { source }: SourceClock, stage: string, tasks: number): readonly KnownClaim[] {
  return Array.from({ length: tasks }, (_, task) => progress.get(stage, String(task), source)).filter(
    (claim) => claim !== undefined,
  );
}
