import type { SourceReading } from '../../runtime/watermarks/source-watcher.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';
import { expectedAt, isOverdue, LAGGING_AFTER_MS, linkInWords, linkToBlame } from '../../schemas/source-freshness.ts';

export type SourceStatus = 'fresh' | 'lagging' | 'stale' | 'silent' | 'ended';

/** A sign of life may be this late before a source that should give one counts as silent, milliseconds. */
export const SILENT_AFTER_MS = 15_000;

/** What is declared of a source, as far as its status goes by it. */
export type Declared = Pick<SourceConfig, 'cadence' | 'latenessMs' | 'fedBy'>;

/**
 * ended: its input has ended. silent: nobody vouches for it any more, or nothing was ever heard. stale: an update that was
 * due has not come. lagging: it lives, but its watermark trails. fresh: none of these. docs/freshness.md has the table.
 */
export function sourceStatus({ clock, watermark, ended, sign, tick }: SourceReading, declared: Declared): SourceStatus {
  const { liveness, latenessMs } = clock;
  const { kind } = declared.cadence;
  if (ended) return 'ended';
  if (watermark === Number.NEGATIVE_INFINITY) return 'silent';
  if (kind === 'every' || kind === 'nightly') return isOverdue(declared, watermark, tick) ? 'stale' : 'fresh';
  if (liveness.kind === 'heartbeat' && tick - sign > SILENT_AFTER_MS) return 'silent';
  if (liveness.kind === 'idle-after' && tick - sign > liveness.patienceMs) return 'silent';
  if (liveness.kind === 'stated' || liveness.kind === 'batch' || kind === 'on-change') return 'fresh';
  return tick - watermark > latenessMs + LAGGING_AFTER_MS ? 'lagging' : 'fresh';
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

/** The report on a source; `last` is the one before, for since when the status holds. */
export function freshnessReport(
  reading: SourceReading,
  declared: Declared,
  last: SourceFreshness | undefined,
  watermarkOf: (source: string) => number | undefined = () => undefined,
): SourceFreshness {
  const { clock, watermark, ended, sign, tick } = reading;
  const status = sourceStatus(reading, declared);
  const link = ended || !Number.isFinite(watermark) ? undefined : linkToBlame(declared, watermark, tick, watermarkOf);
  const due = ended
    ? undefined
    : link?.cadence.kind === 'nightly'
      ? link.cadence.next(tick)
      : expectedAt(declared.cadence, watermark);
  return {
    source: clock.source,
    status,
    watermark: finite(watermark),
    asOf: finite(watermark),
    lastEventAt: finite(sign),
    lagMs: Number.isFinite(watermark) ? Math.max(0, tick - watermark) : null,
    since: last?.status === status ? last.since : tick,
    at: tick,
    before: last === undefined || last.status === status ? null : last.status,
    expectedAt: due ?? null,
    link: linkInWords(link),
  };
}
