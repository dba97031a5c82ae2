import type { Context } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import { formatDuration } from '../../schemas/duration.ts';
import type { FreshnessDemand } from '../../schemas/freshness-demand.ts';
import type { Proof, SourceProof } from '../../schemas/generated/types.ts';
import { linkOf } from '../../schemas/source-freshness.ts';

/** A source whose facts are too old now. */
export interface Stale {
  readonly source: string;
  /** Age and lag together: the brokers' clock minus what the source vouches for, milliseconds; undefined before its first word. */
  readonly ageMs: number | undefined;
  readonly maxAgeMs: number;
  /** What feeds the source and is to blame for it, in words; null: the source itself. */
  readonly link: string | null;
}

/**
 * The sources of a demand that cannot meet it now. Only live sources have an age: history is not stale, and what has ended
 * is complete.
 */
export function staleNow({ maxAgeMs }: FreshnessDemand, sources: readonly SourceConfig[], context: Context): readonly Stale[] {
  return Object.entries(maxAgeMs).flatMap(([source, max]) => {
    const watermark = context.watermark(source);
    const declared = sources.find(({ name }) => name === source);
    if (declared?.mode !== 'live' || context.tick - watermark <= max) return [];
    const ageMs = Number.isFinite(watermark) ? context.tick - watermark : undefined;
    return [{ source, ageMs, maxAgeMs: max, link: linkOf(declared, context) }];
  });
}

/** In words, e.g. `stock is 3h old, 10m allowed`. */
export function staleInWords(stale: readonly Stale[]): string {
  const one = ({ source, ageMs, maxAgeMs, link }: Stale): string => {
    const found = ageMs === undefined ? 'has not been heard of' : `is ${roughly(ageMs)} old`;
    return `${source} ${found}, ${formatDuration(maxAgeMs)} allowed${link === null ? '' : ` (fed by ${link})`}`;
  };
  return stale.map(one).join('; ');
}

/** The proof of a decision that was made again later: its sources as they are now. */
export function proofNow(proof: Proof, demand: FreshnessDemand, sources: readonly SourceConfig[], context: Context): Proof {
  const gated = new Set(Object.keys(demand.maxAgeMs));
  const now = (source: string): number | null => finite(context.watermark(source));
  const age = (at: number | null): number | null => (at === null ? null : Math.max(0, context.tick - at));
  const link = (source: string): string | null => {
    const declared = sources.find(({ name }) => name === source);
    return declared === undefined ? null : linkOf(declared, context);
  };
  // The membership holds as of what each source vouches for: a line of a batch that is not whole counts for nothing yet.
  const told = (source: string): SourceProof => {
    const at = now(source);
    return { source, watermark: at, asOf: at, ageMs: age(at), status: statusOf(source), link: link(source) };
  };
  const known = proof.sources.map((each) => (gated.has(each.source) ? told(each.source) : each));
  const missing = [...gated].filter((source) => !proof.sources.some((each) => each.source === source)).map(told);
  return { ...proof, sources: [...known, ...missing], lagMs: proof.now === null ? null : context.tick - proof.now };

  function statusOf(source: string): string {
    const watermark = context.watermark(source);
    if (watermark === Number.NEGATIVE_INFINITY) return 'unknown';
    if (watermark === Number.POSITIVE_INFINITY) return 'ended';
    return context.tick - watermark > (demand.maxAgeMs[source] ?? 0) ? 'stale' : 'fresh';
  }
}

function finite(at: number): number | null {
  return Number.isFinite(at) ? at : null;
}

/** The two largest units are enough for a reader. */
function roughly(ms: number): string {
  const seconds = Math.round(ms / 1000) * 1000;
  const minutes = Math.round(ms / 60_000) * 60_000;
  return formatDuration(ms < 1000 ? ms : ms < 3_600_000 ? seconds : minutes);
}
