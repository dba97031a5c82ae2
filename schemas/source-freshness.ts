import type { Context } from '../runtime/processor.ts';
import type { Cadence, FedBy, SourceConfig } from './config.ts';
import { formatDuration } from './duration.ts';
import type { SourceProof } from './generated/types.ts';
import { cadenceInWords, longestGap } from './source-cadence.ts';
import { fedUpTo } from './source-clock.ts';

/** The watermark may trail the brokers' clock by this much beyond the lateness before a source counts as lagging, milliseconds. */
export const LAGGING_AFTER_MS = 10_000;

/** What a night's update says holds as of a moment up to half a day before it is due, milliseconds. */
const HALF_A_DAY_MS = 43_200_000;

/** When the update after `watermark` is due, epoch milliseconds; undefined where none is due at a certain time. */
export function expectedAt(cadence: Cadence, watermark: number): number | undefined {
  if (!Number.isFinite(watermark)) return undefined;
  if (cadence.kind === 'every') return watermark + cadence.intervalMs;
  return cadence.kind === 'nightly' ? cadence.next(watermark + HALF_A_DAY_MS) : undefined;
}

/**
 * Whether an update that was due has not come: of a fixed interval two must be missing, of a night the lateness is waited for.
 */
export function isOverdue(
  { cadence, latenessMs }: Pick<SourceConfig, 'cadence' | 'latenessMs'>,
  watermark: number,
  now: number,
): boolean {
  if (cadence.kind === 'every') return now - watermark > 2 * cadence.intervalMs;
  const due = expectedAt(cadence, watermark);
  return due !== undefined && now > due + latenessMs;
}

/** The link of the chain that makes a source as old as it is; undefined: the source itself, or none. */
export function linkToBlame(
  { cadence, latenessMs, fedBy = [] }: Pick<SourceConfig, 'cadence' | 'latenessMs' | 'fedBy'>,
  watermark: number,
  now: number,
  watermarkOf: (source: string) => number | undefined = () => undefined,
): FedBy | undefined {
  const own = latenessMs + LAGGING_AFTER_MS + longestGap(cadence);
  if (now - watermark <= own - longestGap(cadence)) return undefined;
  const limited = fedBy.map((link) => ({ link, upTo: Math.min(fedUpTo(link, now), watermarkOf(link.name) ?? now) }));
  const slowest = limited.toSorted((a, b) => a.upTo - b.upTo)[0];
  // Behind even what the link had brought by then, it is late by itself.
  if (slowest === undefined || now - slowest.upTo <= latenessMs + LAGGING_AFTER_MS) return undefined;
  return watermark >= slowest.upTo - own ? slowest.link : undefined;
}

/** The same in words, e.g. `tills, nightly at 02:00 Europe/London`; null: no link is to blame. */
export function linkInWords(link: FedBy | undefined): string | null {
  return link === undefined ? null : `${link.name}, ${cadenceInWords(link.cadence, formatDuration)}`;
}

/** The link to blame for a live source as a decision sees it, in words. */
export function linkOf(source: SourceConfig, context: Pick<Context, 'watermark' | 'tick'>): string | null {
  const known = (name: string): number | undefined => {
    const at = context.watermark(name);
    return Number.isFinite(at) ? at : undefined;
  };
  const watermark = known(source.name);
  if (source.fedBy === undefined || source.mode !== 'live' || watermark === undefined) return null;
  return linkInWords(linkToBlame(source, watermark, context.tick, known));
}

/** How fresh a source is at a decision whose clock stands at `now`; `asOf`: as of when its newest fact used holds. */
export function sourceProof(
  source: SourceConfig,
  asOf: number | null,
  now: number | null,
  context: Pick<Context, 'watermark' | 'tick'>,
): SourceProof {
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
