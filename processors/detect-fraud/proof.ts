import { HOPS, readHops } from '../../runtime/hops.ts';
import { clockName, type Context } from '../../runtime/processor.ts';
import { type Headers, header } from '../../runtime/record.ts';
import type { Proof } from '../../schemas/generated/types.ts';

/** How fresh the facts of a decision are: what of each source had been seen when it was taken, and the way of the last one. */
export function proofOf(facts: readonly { source: string; at: number }[], headers: Headers, context: Context): Proof {
  const names = [...new Set(facts.map(({ source }) => source))].sort();
  const clock = context.clock(clockName(names));
  const now = Number.isFinite(clock) ? clock : null;
  const stamps = readHops(header(headers, HOPS));
  return {
    now,
    lagMs: now === null ? null : Math.max(0, context.tick - now),
    sources: names.map((source) => {
      const watermark = context.watermark(source);
      const asOf = Math.max(...facts.filter((fact) => fact.source === source).map(({ at }) => at));
      const isKnown = Number.isFinite(watermark);
      const ageMs = now === null ? null : Math.max(0, now - asOf);
      return { source, watermark: isKnown ? watermark : null, asOf, ageMs, status: 'unknown', link: null };
    }),
    hops: stamps.map(({ hop, at }, i) => ({ hop, at, ms: at - (stamps[i - 1]?.at ?? at) })),
    tables: [],
  };
}
