import { segmentClock } from '../processors/evaluate-segments/clocks.ts';
import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import { STRAGGLERS_MS } from '../runtime/watermarks/source-batches.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { formatDuration } from '../schemas/duration.ts';
import { cadenceInWords, longestGap } from '../schemas/source-cadence.ts';
import type { FreshnessDemand } from '../schemas/freshness-demand.ts';
import type { Demanding } from './demands.ts';
import type { Problem } from './problems.ts';

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
 * batches the lateness is that of the next one. What feeds a source makes it older by its cadence, and where it is a live source of
 * `sources` itself no fresher than that one is, however long the chain.
 */
export function agesOf(source: SourceConfig, sources: readonly SourceConfig[] = []): Ages {
  const { cadence, latenessMs, liveness, fedBy = [] } = source;
  const isBatch = liveness.kind === 'batch';
  const best = (isBatch ? STRAGGLERS_MS + quietOf(liveness) : latenessMs) + HOPS_MS;
  const worst = best + longestGap(cadence) + (isBatch ? latenessMs : 0);
  const older = fedBy.map((link) => ({
    best: link.cadence.kind === 'every' ? link.cadence.intervalMs : 0,
    worst: longestGap(link.cadence),
  }));
  const feeding = fedBy.flatMap(({ name }) => liveOf(name, sources)).map((each) => agesOf(each, sources));
  return {
    bestMs: Math.max(best + Math.max(0, ...older.map((link) => link.best)), ...feeding.map(({ bestMs }) => bestMs)),
    worstMs: Math.max(worst + Math.max(0, ...older.map((link) => link.worst)), ...feeding.map(({ worstMs }) => worstMs)),
  };
}

function liveOf(name: string, sources: readonly SourceConfig[]): readonly SourceConfig[] {
  return sources.filter((each) => each.name === name && each.mode === 'live');
}

/** What makes a source older than it is by itself, in words, the nearest first. */
function feedersOf({ fedBy = [] }: SourceConfig, sources: readonly SourceConfig[]): readonly string[] {
  const links = fedBy.flatMap((link) => {
    const [feeding] = liveOf(link.name, sources);
    const cadence = longestGap(link.cadence) > 0 ? link.cadence : (feeding?.cadence ?? link.cadence);
    const own = longestGap(cadence) > 0 ? [`${link.name}, ${cadenceInWords(cadence, formatDuration)}`] : [];
    return feeding === undefined ? own : [...own, ...feedersOf(feeding, sources)];
  });
  return [...new Set(links)];
}

function quietOf({ ends }: Extract<SourceConfig['liveness'], { kind: 'batch' }>): number {
  return ends.kind === 'quiet' ? ends.quietMs : 0;
}

/**
 * Every live source that the rules of a workspace read, with the age of its facts. A segment reads the sources of its clock, and a
 * message those of its segment and those of which it demands something.
 */
export function feasibility(
  segments: readonly CompiledSegment[],
  activations: readonly CompiledActivation[],
  sources: readonly SourceConfig[],
): readonly Feasibility[] {
  const live = sources.filter(({ mode }) => mode === 'live');
  const row = (kind: Feasibility['kind'], rule: string, source: SourceConfig, maxAgeMs?: number): Feasibility => {
    const ages = agesOf(source, sources);
    return { kind, rule, source: source.name, ages, maxAgeMs, verdict: verdictOf(ages, maxAgeMs) };
  };
  const heard = new Map(segments.map((segment) => [segment.name, segmentClock(segment, live).sources]));
  const rows = (kind: Feasibility['kind'], rule: string, segment: string, demand: FreshnessDemand | undefined): Feasibility[] => {
    const { maxAgeMs = {} } = demand ?? {};
    const read = heard.get(segment) ?? [];
    const demanded = live.filter((source) => source.name in maxAgeMs && !read.includes(source));
    return [...read, ...demanded].map((source) => row(kind, rule, source, maxAgeMs[source.name]));
  };
  return [
    ...segments.flatMap(({ name, freshness }) => rows('segment', name, name, freshness)),
    ...activations.flatMap(({ name, segment, freshness }) => rows('activation', name, segment, freshness)),
  ];
}

/** Where a rule, a message or a channel demands what its source cannot give, at its place in the file. */
export function feasibilityWarnings(demanding: readonly Demanding[], sources: readonly SourceConfig[]): readonly Problem[] {
  return demanding.flatMap(({ file, path = [], value }) =>
    Object.entries(value.freshness?.maxAgeMs ?? {}).flatMap(([name, maxAgeMs]) => {
      const [source] = liveOf(name, sources);
      if (source === undefined) return [];
      const ages = agesOf(source, sources);
      const verdict = verdictOf(ages, maxAgeMs);
      if (verdict === 'always') return [];
      const allowed = formatDuration(maxAgeMs);
      const links = feedersOf(source, sources);
      const by = links.length === 0 ? '' : ` (fed by ${links.join('; ')})`;
      const message =
        verdict === 'never'
          ? `${allowed} can never be met: ${name} is at least ${formatDuration(ages.bestMs)} old${by}`
          : `${allowed} is met for a part of the time only: between two words of ${name} its facts grow ${formatDuration(ages.worstMs)} old${by}`;
      return [file.problem([...path, 'max_age', name], message)];
    }),
  );
}

function verdictOf({ bestMs, worstMs }: Ages, maxAgeMs: number | undefined): Feasibility['verdict'] {
  if (maxAgeMs === undefined) return 'ungated';
  if (maxAgeMs < bestMs) return 'never';
  return maxAgeMs < worstMs ? 'sometimes' : 'always';
}
