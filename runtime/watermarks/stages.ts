import type { Reach, SourceClock } from './contract.ts';
import type { ProgressTable } from './progress.ts';

export const FEED = 'feed';
export const SOURCE = 'source';

/** A feed not heard of for so long is dead, and so are its requests: they were never acknowledged. Milliseconds of broker time. */
export const FEED_DEAD_MS = 30_000;

/**
 * What a stage claims for a source, as the table says now.
 * feed: the minimum over its living feeds; where nobody vouches, just before the tick (a record's append time: all that was
 * acknowledged before it lies below ends asked for after it was read; what was stamped before it and is acknowledged later
 * no reader can know of, so the lateness must cover the time from a stamp to its acknowledgement). Others: the minimum over
 * all tasks.
 */
export function stageClaim(progress: ProgressTable, stage: string, tasks: number, clock: SourceClock): Reach {
  if (stage === FEED) return feedClaim(progress, clock);
  return progress.minimum(stage, stage === SOURCE ? 1 : tasks, clock.source);
}

function feedClaim(progress: ProgressTable, { source, liveness, optional = false }: SourceClock): Reach {
  // In the millisecond of the tick more may be stamped after it.
  if (liveness.kind === 'idle-after' || (liveness.kind === 'batch' && !liveness.vouched))
    return { at: progress.tick - 1, ended: false };
  let stated = Number.NEGATIVE_INFINITY;
  let ended = { heardAt: Number.NEGATIVE_INFINITY, is: optional };
  let living = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  for (const claim of progress.all()) {
    if (claim.stage !== FEED || claim.source !== source) continue;
    stated = Math.max(stated, claim.at);
    if (claim.heardAt >= ended.heardAt) ended = { heardAt: claim.heardAt, is: claim.ended ?? false };
    if (progress.tick - claim.heardAt > FEED_DEAD_MS) continue;
    living = Math.min(living, claim.at);
    newest = Math.max(newest, claim.at);
  }
  if (liveness.kind === 'stated') return { at: stated, ended: ended.is };
  return { at: newest === Number.NEGATIVE_INFINITY ? newest : living, ended: false };
}
