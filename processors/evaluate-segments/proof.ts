import { readHops } from '../../runtime/hops.ts';
import type { Context } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { Hop, Proof, SourceProof } from '../../schemas/generated/types.ts';
import { isOverdue, LAGGING_AFTER_MS, linkOf } from '../../schemas/source-freshness.ts';
import type { SegmentClock } from './clocks.ts';

/** As of when the newest fact of each source holds, epoch milliseconds, where the source says so. */
export type Facts = Readonly<Record<string, number>>;

/** How fresh the facts behind a decision are. Ages count from what the sources vouch for, never from arrival. */
export function proofOf(clock: SegmentClock, facts: Facts, hops: readonly Hop[], context: Context): Proof {
  const at = context.clock(clock.name);
  const now = Number.isFinite(at) ? at : null;
  return {
    now,
    lagMs: now === null ? null : context.tick - now,
    sources: clock.sources.map((source) => sourceProof(source, facts[source.name] ?? null, now, context)),
    hops,
    tables: [],
  };
}

function sourceProof(source: SourceConfig, asOf: number | null, now: number | null, context: Context): SourceProof {
  const watermark = context.watermark(source.name);
  return {
    source: source.name,
    watermark: Number.isFinite(watermark) ? watermark : null,
    asOf,
    ageMs: asOf === null || now === null ? null : Math.max(0, now - asOf),
    status: statusOf(source, watermark, context.tick),
    link: linkOf(source, context),
  };
}

/** By how far the source's clock trails the brokers'. History is not stale. */
function statusOf(source: SourceConfig, watermark: number, tick: number): string {
  const { mode, cadence, latenessMs } = source;
  if (watermark === Number.NEGATIVE_INFINITY) return 'unknown';
  if (watermark === Number.POSITIVE_INFINITY) return 'ended';
  if (mode !== 'live' || cadence.kind === 'on-change') return 'fresh';
  if (cadence.kind !== 'realtime') return isOverdue(source, watermark, tick) ? 'stale' : 'fresh';
  return tick - watermark > latenessMs + LAGGING_AFTER_MS ? 'lagging' : 'fresh';
}

/** The way of an event, from its header `hops`; the first hop counts from when the event came in. */
export function hopsOf(header: string | undefined, receivedAt: number): readonly Hop[] {
  let before = receivedAt;
  return readHops(header).map(({ hop, at }) => {
    const ms = Math.max(0, at - before);
    before = at;
    return { hop, at, ms };
  });
}
