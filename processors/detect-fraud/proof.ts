import { HOPS, readHops } from '../../runtime/hops.ts';
import { clockName, type Context } from '../../runtime/processor.ts';
import { type Headers, header } from '../../runtime/record.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { Proof } from '../../schemas/generated/types.ts';
import { sourceProof } from '../../schemas/source-freshness.ts';

/** A fact that an alert rests on. */
export interface Evidence {
  readonly source: string;
  readonly at: number;
}

/**
 * How fresh the facts of a decision are: what of each source had been seen when it was taken, and the way of the last one. Of a
 * source that is not among `sources` nothing is known but its watermark.
 */
export function proofOf(facts: readonly Evidence[], sources: readonly SourceConfig[], headers: Headers, context: Context): Proof {
  const names = [...new Set(facts.map(({ source }) => source))].sort();
  const clock = context.clock(clockName(names));
  const now = Number.isFinite(clock) ? clock : null;
  const stamps = readHops(header(headers, HOPS));
  return {
    now,
    lagMs: now === null ? null : Math.max(0, context.tick - now),
    sources: names.map((name) => {
      const asOf = Math.max(...facts.filter((fact) => fact.source === name).map(({ at }) => at));
      const declared = sources.find((source) => source.name === name);
      if (declared !== undefined) return sourceProof(declared, asOf, now, context);
      const watermark = context.watermark(name);
      const ageMs = now === null ? null : Math.max(0, now - asOf);
      return {
        source: name,
        watermark: Number.isFinite(watermark) ? watermark : null,
        asOf,
        ageMs,
        status: 'unknown',
        link: null,
      };
    }),
    hops: stamps.map(({ hop, at }, i) => ({ hop, at, ms: at - (stamps[i - 1]?.at ?? at) })),
    tables: [],
  };
}
