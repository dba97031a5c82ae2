import { formatDuration } from '../schemas/duration.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { FEED } from '../runtime/watermarks/stages.ts';
import { KEEP_REFERENCE } from './topology.ts';

/** A part that not every deployment needs, and why this one does. */
export interface NeededPart {
  readonly part: string;
  /** Names of the sources that need it. */
  readonly sources: readonly string[];
  /** What there is not while nobody runs it. */
  readonly without: string;
}

/** Parts that these sources need beyond those of every deployment. */
export function neededParts(sources: readonly SourceConfig[]): readonly NeededPart[] {
  const part = (name: string, without: string, needs: (source: SourceConfig) => boolean): NeededPart => ({
    part: name,
    sources: sources.filter(needs).map((source) => source.name),
    without,
  });
  return [
    part(KEEP_REFERENCE, 'no row of their tables is found, and no clock of customers moves', ({ table }) => table !== undefined),
    part('polls', 'nobody asks for them', ({ input }) => input.kind === 'poll'),
    part('enrichments', 'nobody asks third parties for them', ({ input }) => input.kind === 'enrich'),
    part('files', 'nobody reads what is put into their folders', ({ input }) => input.kind === 'files'),
    part('gateway', 'nobody takes in their calls', ({ input }) => input.kind === 'webhook'),
  ].filter((each) => each.sources.length > 0);
}

/** Those of them that neither run here nor have ever been heard of by what they claim. */
export function missingParts(
  needed: readonly NeededPart[],
  run: readonly string[],
  claims: Iterable<{ readonly stage: string; readonly source: string }>,
): readonly NeededPart[] {
  const heard = [...claims];
  return needed.filter(({ part, sources }) => {
    const isHeard = ({ stage, source }: { readonly stage: string; readonly source: string }): boolean =>
      part === KEEP_REFERENCE ? stage === KEEP_REFERENCE : stage === FEED && sources.includes(source);
    return !run.includes(part) && !heard.some(isHeard);
  });
}

/** In words, for whoever has to run it. */
export function inWords({ part, sources, without }: NeededPart): string {
  return `${part} has to run for ${sources.join(', ')}: without it ${without}`;
}

/**
 * Live sources that have to be fed from outside and whose clock stands until they are, with how that is done: where nobody feeds them,
 * what waits for them waits for good reason.
 */
export function unfedSources(sources: readonly SourceConfig[]): readonly { readonly source: string; readonly how: string }[] {
  return sources.flatMap(({ name, mode, input, liveness }) => {
    const isPatient = liveness.kind === 'idle-after' && liveness.patienceMs === Number.POSITIVE_INFINITY;
    if (mode !== 'live' || isPatient || (liveness.kind !== 'idle-after' && liveness.kind !== 'batch')) return [];
    const quiet = liveness.kind === 'batch' ? 'a whole batch' : `something every ${formatDuration(liveness.patienceMs)}`;
    const where = { endpoint: 'the gateway, with its write key', webhook: `/webhooks/${name}`, topic: `the topic raw.${name}` };
    if (input.kind === 'files') return [{ source: name, how: `a whole batch, to a file in the folder ${input.files.folder}` }];
    const at = input.kind in where ? where[input.kind as keyof typeof where] : undefined;
    return at === undefined ? [] : [{ source: name, how: `${quiet}, to ${at}` }];
  });
}
