import { segmentClock } from '../processors/evaluate-segments/clocks.ts';
import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { formatDuration } from '../schemas/duration.ts';
import type { Problem } from './problems.ts';
import type { Compiled } from './yaml-file.ts';

/** How old what a source vouches for is when a rule reads it: just after news, and just before the next. Milliseconds. */
export interface Ages {
  readonly bestMs: number;
  readonly worstMs: number;
}

/** A rule, what it demands of a source, and what that source can give. */
export interface Feasibility {
  readonly kind: 'segment' | 'activation';
  readonly rule: string;
  readonly source: string;
  readonly ages: Ages;
  /** undefined: nothing is demanded. */
  readonly maxAgeMs: number | undefined;
  readonly verdict: 'always' | 'sometimes' | 'never' | 'ungated';
}

/** What the hops from the gateway to the decision may take together, milliseconds. */
const HOPS_MS = 1000;

/** The ages that a source's declaration allows: its lateness and our hops at best, and the time to its next word at worst. */
export function agesOf({ cadence, latenessMs }: SourceConfig): Ages {
  const bestMs = latenessMs + HOPS_MS;
  return { bestMs, worstMs: cadence.kind === 'every' ? bestMs + cadence.intervalMs : bestMs };
}

/** Every live source that the rules of a workspace read, with the age of its facts. A segment reads the sources of its clock. */
export function feasibility(
  segments: readonly CompiledSegment[],
  activations: readonly CompiledActivation[],
  sources: readonly SourceConfig[],
): readonly Feasibility[] {
  const live = sources.filter(({ mode }) => mode === 'live');
  const row = (kind: Feasibility['kind'], rule: string, source: SourceConfig, maxAgeMs?: number): Feasibility => {
    const ages = agesOf(source);
    return { kind, rule, source: source.name, ages, maxAgeMs, verdict: verdictOf(ages, maxAgeMs) };
  };
  return [
    ...segments.flatMap((segment) => segmentClock(segment, live).sources.map((source) => row('segment', segment.name, source))),
    ...activations.flatMap(({ name, freshness }) =>
      Object.entries(freshness?.maxAgeMs ?? {}).flatMap(([source, maxAgeMs]) =>
        live.filter((each) => each.name === source).map((each) => row('activation', name, each, maxAgeMs)),
      ),
    ),
  ];
}

/** Where an activation demands what its source cannot give, at its place in the file. */
export function feasibilityWarnings(
  activations: readonly Compiled<CompiledActivation>[],
  sources: readonly SourceConfig[],
): readonly Problem[] {
  return activations.flatMap(({ file, value }) =>
    feasibility([], [value], sources).flatMap(({ source, ages, maxAgeMs, verdict }) => {
      if (maxAgeMs === undefined || verdict === 'always') return [];
      const allowed = formatDuration(maxAgeMs);
      const message =
        verdict === 'never'
          ? `${allowed} can never be met: ${source} is at least ${formatDuration(ages.bestMs)} old`
          : `${allowed} is met for a part of the time only: between two words of ${source} its facts grow ${formatDuration(ages.worstMs)} old`;
      return [file.problem(['max_age', source], message)];
    }),
  );
}

function verdictOf({ bestMs, worstMs }: Ages, maxAgeMs: number | undefined): Feasibility['verdict'] {
  if (maxAgeMs === undefined) return 'ungated';
  if (maxAgeMs < bestMs) return 'never';
  return maxAgeMs < worstMs ? 'sometimes' : 'always';
}
