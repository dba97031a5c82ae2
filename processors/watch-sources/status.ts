import type { SourceReading } from '../../runtime/watermarks/source-watcher.ts';
import type { Cadence } from '../../schemas/config.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';

export type SourceStatus = 'fresh' | 'lagging' | 'stale' | 'silent' | 'ended';

/** A sign of life may be this late before a source that should give one counts as silent, milliseconds. */
const SILENT_AFTER_MS = 15_000;
/** The watermark may trail the wall clock by this much beyond the lateness before a source counts as lagging, milliseconds. */
const LAGGING_AFTER_MS = 10_000;

/**
 * ended: its input has ended. silent: nobody vouches for it any more, or nothing was ever heard.
 * stale: its newest fact is older than twice its interval. lagging: it lives, but its watermark trails. fresh: none of these.
 */
export function sourceStatus({ clock, watermark, ended, sign, tick }: SourceReading, cadence: Cadence): SourceStatus {
  if (ended) return 'ended';
  if (watermark === Number.NEGATIVE_INFINITY) return 'silent';
  if (cadence.kind === 'every') return tick - watermark > 2 * cadence.intervalMs ? 'stale' : 'fresh';
  if (clock.liveness.kind === 'heartbeat' && tick - sign > SILENT_AFTER_MS) return 'silent';
  if (clock.liveness.kind === 'idle-after' && tick - sign > clock.liveness.patienceMs) return 'silent';
  if (clock.liveness.kind === 'stated' || cadence.kind === 'on-change') return 'fresh';
  return tick - watermark > clock.latenessMs + LAGGING_AFTER_MS ? 'lagging' : 'fresh';
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

/** The report on a source; `before` is the last one, for since when the status holds. */
export function freshnessReport(reading: SourceReading, cadence: Cadence, before: SourceFreshness | undefined): SourceFreshness {
  const { clock, watermark, sign, tick } = reading;
  const status = sourceStatus(reading, cadence);
  return {
    source: clock.source,
    status,
    watermark: finite(watermark),
    asOf: finite(watermark),
    lastEventAt: finite(sign),
    lagMs: Number.isFinite(watermark) ? Math.max(0, tick - watermark) : null,
    since: before?.status === status ? before.since : tick,
    at: tick,
  };
}
