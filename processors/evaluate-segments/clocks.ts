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
 * being known, every source counts (live ones only, where there are any).
 */
export function segmentClock(segment: CompiledSegment, sources: readonly SourceConfig[]): SegmentClock {
  const carries = ({ events }: SourceConfig): boolean =>
    events === null || segment.events.some((event) => events.includes(event));
  const carrying = segment.holdsOnNothing ? sources : sources.filter(carries);
  const live = sources.filter(({ mode }) => mode === 'live');
  const chosen = carrying.length > 0 ? carrying : live.length > 0 ? live : sources;
  return {
    name: clockName(chosen.map(({ name }) => name)),
    sources: chosen,
    slackMs: Math.max(0, ...chosen.map(({ latenessMs }) => latenessMs)),
  };
}

/** How far the clock has come. Once every source has ended it stands still: what was decided last stays decided. */
export function reached(clock: SegmentClock, context: Context): number {
  const at = context.clock(clock.name);
  return at === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : at;
}

/** `backfill` or `replay` while such a source of the clock has not ended; then nothing is decided ahead of the clock. */
export function loading(clock: SegmentClock, context: Context): 'backfill' | 'replay' | undefined {
  let found: 'backfill' | 'replay' | undefined;
  for (const { name, mode } of clock.sources) {
    if (mode === 'live' || context.watermark(name) === Number.POSITIVE_INFINITY) continue;
    found = found === 'replay' ? found : mode;
  }
  return found;
}
