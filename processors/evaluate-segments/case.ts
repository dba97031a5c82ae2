import type { Context } from '../../runtime/processor.ts';
import { loadingOf, reached } from './clocks.ts';
import type { Case } from './decide.ts';
import { readLeaf } from './leaf-part.ts';
import type { Memberships } from './membership.ts';
import type { PlannedSegment } from './plan.ts';
import { timelineOf } from './timeline.ts';

/** One segment of the customer at hand, by the state as it is now. */
export function caseOf(
  planned: PlannedSegment,
  customer: string,
  memberships: Memberships,
  since: number,
  context: Context,
): Case {
  const { segment, clock } = planned;
  return {
    segment,
    before: memberships.of[segment.key],
    timeline: timelineOf(segment, customer, (hash) => readLeaf(context.state, hash)?.state, since),
    reached: reached(clock, context),
    loading: loadingOf(clock, context),
  };
}
