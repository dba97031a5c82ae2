import { segmentClock } from '../processors/evaluate-segments/clocks.ts';
import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import { STRAGGLERS_MS } from '../runtime/watermarks/source-batches.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { formatDuration } from '../schemas/duration.ts';
import { cadenceInWords, longestGap } from '../schemas/source-cadence.ts';
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

/**
 * The ages that a source's declaration allows: its lateness and our hops at best, and the time to its next word at worst. Of
 * batches the lateness is that of the next one, and what feeds a source makes it older.
 */
export function agesOf({ cadence, latenessMs, liveness, fedBy = [] }: SourceConfig): Ages {
  const isBatch = liveness.kind === 'batch';
  const best = (isBatch ? STRAGGLERS_MS + quietOf(liveness) : latenessMs) + HOPS_MS;
  const worst = best + longestGap(cadence) + (isBatch ? latenessMs : 0);
  const older = fedBy.map((link) => ({
    best: link.cadence.kind === 'every' ? link.cadence.intervalMs : 0,
    worst: longestGap(link.cadence),
  }));
  return {
    bestMs: best + Math.max(0, ...older.map((link) => link.best)),
    worstMs: worst + Math.max(0, ...older.map((link) => link.worst)),
  };
}

function quietOf({ ends }: Extract<SourceConfig['liveness'], { kind: 'batch' }>): number {
  return ends.kind === 'quiet' ? ends.quietMs : 0;
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
    ...segments.flatMap((segment) => {
      const { maxAgeMs = {} } = segment.freshness ?? {};
      const heard = segmentClock(segment, live).sources;
      const demanded = live.filter((source) => source.name in maxAgeMs && !heard.includes(source));
      return [...heard, ...demanded].map((source) => row('segment', segment.name, source, maxAgeMs[source.name]));
    }),
    ...activations.flatMap(({ name, freshness }) =>
      Object.entries(freshness?.maxAgeMs ?? {}).flatMap(([source, maxAgeMs]) =>
        live.filter((each) => each.name === source).map((each) => row('activation', name, each, maxAgeMs)),
      ),
    ),
  ];
}

/** Where a rule or a message demands what its source cannot give, at its place in the file. */
export function feasibilityWarnings(
  demanding: readonly Compiled<Pick<CompiledActivation, 'freshness'> | Pick<CompiledSegment, 'freshness'>>[],
  sources: readonly SourceConfig[],
): readonly Problem[] {
  const live = sources.filter(({ mode }) => mode === 'live');
  return demanding.flatMap(({ file, value }) =>
    Object.entries(value.freshness?.maxAgeMs ?? {}).flatMap(([name, maxAgeMs]) => {
      const source = live.find((each) => each.name === name);
      if (source === undefined) return [];
      const ages = agesOf(source);
      const verdict = verdictOf(ages, maxAgeMs);
      if (verdict === 'always') return [];
      const allowed = formatDuration(maxAgeMs);
      const feeders = source.fedBy ?? [];
      const links = feeders
        .filter(({ cadence }) => longestGap(cadence) > 0)
        .map(({ name: link, cadence }) => `${link}, ${cadenceInWords(cadence, formatDuration)}`);
      const by = links.length === 0 ? '' : ` (fed by ${links.join('; ')})`;
      const message =
        verdict === 'never'
          ? `${allowed} can never be met: ${name} is at least ${formatDuration(ages.bestMs)} old${by}`
          : `${allowed} is met for a part of the time only: between two words of ${name} its facts grow ${formatDuration(ages.worstMs)} old${by}`;
      return [file.problem(['max_age', name], message)];
    }),
  );
}

function verdictOf({ bestMs, worstMs }: Ages, maxAgeMs: number | undefined): Feasibility['verdict'] {
  if (maxAgeMs === undefined) return 'ungated';
  if (maxAgeMs < bestMs) return 'never';
  return maxAgeMs < worstMs ? 'sometimes' : 'always';
}
