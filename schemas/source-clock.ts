import type { Feeder, SourceClock } from '../runtime/watermarks/contract.ts';
import type { FedBy, SourceConfig } from './config.ts';

/** What the runtime needs to know of a source; `sources` are all that take part. */
export function sourceClock(config: SourceConfig, sources: readonly Pick<SourceConfig, 'name'>[]): SourceClock {
  const { name, liveness, latenessMs, mode, fedBy = [] } = config;
  const feeders = fedBy.map((link): Feeder => ({
    name: link.name,
    upTo: (at) => fedUpTo(link, at),
    isSource: sources.some((source) => source.name === link.name),
  }));
  return { source: name, liveness, latenessMs, optional: mode === 'backfill', ...(feeders.length > 0 ? { feeders } : {}) };
}

/**
 * Up to when the facts of a link have certainly come through at `at`: its last night, or, where only the interval is known,
 * one interval ago.
 */
export function fedUpTo({ cadence }: FedBy, at: number): number {
  if (cadence.kind === 'nightly') return cadence.last(at);
  return cadence.kind === 'every' ? at - cadence.intervalMs : at;
}
