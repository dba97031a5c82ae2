import type { Truth } from './log-leaf.ts';
import type { Matcher } from './matcher.ts';

/** A value over time: each from its time on. Ascending, one for each time. */
export type ValueLine = readonly { readonly t: number; readonly value: unknown }[];

/** When a value that changes matches; before the first there is none. */
export function matching(line: ValueLine, matcher: Matcher): Truth {
  const valueAt = (at: number): unknown => line.findLast(({ t }) => t <= at)?.value;
  const holds = (at: number): boolean => matcher.holds(valueAt(at), at);
  const candidate = (at: number): number => {
    const step = line.find(({ t }) => t > at)?.t ?? Number.POSITIVE_INFINITY;
    return Math.min(step, matcher.next(valueAt(at), at));
  };
  return {
    holds,
    next: (at) => {
      const now = holds(at);
      let time = candidate(at);
      for (let tries = 0; time !== Number.POSITIVE_INFINITY && holds(time) === now; tries++) {
        if (tries > 10_000) return Number.POSITIVE_INFINITY;
        time = candidate(time);
      }
      return time;
    },
  };
}
