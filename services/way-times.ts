import type { Hop } from '../schemas/generated/types.ts';
import type { HopTime, Spread, WayTimes } from './views.ts';

/** A message that was handed over; `occurredAt` is null where nobody knows when that happened which led to it. */
export interface Sent {
  readonly occurredAt: number | null;
  readonly at: number;
  readonly hops: readonly Hop[];
}

/**
 * How long each hop took, in the order of the way. A hop that decisions know is measured by them alone, so that nothing counts
 * twice; what comes behind the decision is known by what was sent.
 */
export function wayTimes(decisions: readonly (readonly Hop[])[], sent: readonly Sent[]): WayTimes {
  const decided = byHop(decisions);
  const beyond = [...byHop(sent.map(({ hops }) => hops))].filter(([hop]) => !decided.has(hop));
  const hops = [...decided, ...beyond].map(([hop, times]): HopTime => ({ hop, ...spreadOf(times) }));
  const slowest = hops.reduce<HopTime | undefined>((most, each) => (most && most.p95Ms >= each.p95Ms ? most : each), undefined);
  const delays = sent.flatMap(({ occurredAt, at }) => (occurredAt === null ? [] : Math.max(0, at - occurredAt)));
  return { hops, slowest: slowest?.hop ?? null, message: delays.length === 0 ? null : spreadOf(delays) };
}

function byHop(ways: readonly (readonly Hop[])[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { hop, ms } of ways.flat()) {
    const known = times.get(hop);
    if (known) known.push(ms);
    else times.set(hop, [ms]);
  }
  return times;
}

/** By nearest rank, of at least one. */
function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { count: sorted.length, medianMs: rank(0.5), p95Ms: rank(0.95) };
}
