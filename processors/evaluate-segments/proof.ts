import { readHops } from '../../runtime/hops.ts';
import type { Context } from '../../runtime/processor.ts';
import type { Hop, Proof } from '../../schemas/generated/types.ts';
import { sourceProof } from '../../schemas/source-freshness.ts';
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

/** The way of an event, from its header `hops`; the first hop counts from when the event came in. */
export function hopsOf(header: string | undefined, receivedAt: number): readonly Hop[] {
  let before = receivedAt;
  return readHops(header).map(({ hop, at }) => {
    const ms = Math.max(0, at - before);
    before = at;
    return { hop, at, ms };
  });
}
