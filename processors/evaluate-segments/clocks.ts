import { clockName, type Context } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { CompiledSegment } from './segment.ts';

/** The clock of a segment: its sources, and how far behind it events may still change what was decided. */
export interface SegmentClock {
  readonly name: string;
  readonly sources: readonly SourceConfig[];
  /** Longest lateness of its sources: state is kept so much longer than the rule needs. */
  readonly slackMs: number;
}

/**
 * All sources that may carry an event the rule listens to. If there are none, or if a customer belongs to the segment by merely
 * being known, every source counts that has events of customers (live ones only, where there are any).
 */
export function segmentClock(segment: CompiledSegment, sources: readonly SourceConfig[]): SegmentClock {
  const carries = ({ events }: SourceConfig): boolean =>
    events === null || segment.events.some((event) => events.includes(event));
  const carrying = sources.filter(segment.holdsOnNothing ? ({ events }) => events?.length !== 0 : carries);
  const live = sources.filter(({ mode }) => mode === 'live');
  const chosen = carrying.length > 0 ? carrying : live.length > 0 ? live : sources;
  return {
    name: clockName(chosen.map(({ name }) => name)),
    sources: chosen,
    slackMs: Math.max(0, ...chosen.map(({ latenessMs }) => latenessMs)),
  };
}

/** How far the clock has come; -Infinity while it is not known. A clock without an end would never be done deciding. */
export function reached(clock: SegmentClock, context: Context): number {
  const at = context.clock(clock.name);
  return at === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : at;
}

/** The cause of every change at a time of which history is or was loaded; undefined for other times. */
export type Loading = (at: number) => 'backfill' | 'replay' | undefined;

/** History is loaded up to the end of each source that is a backfill or a replay, and without limit until it has ended. */
export function loadingOf(clock: SegmentClock, context: Context): Loading {
  const loads = clock.sources.flatMap(({ name, mode }) =>
    mode === 'live' ? [] : [{ mode, until: context.endOf(name) ?? Number.POSITIVE_INFINITY }],
  );
  return (at) => {
    const modes = loads.filter(({ until }) => at <= until).map(({ mode }) => mode);
    return modes.includes('replay') ? 'replay' : modes[0];
  };
}
