import { FreshetError } from '../../../runtime/errors.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { oneEach } from '../one-each.ts';
import type { Call } from './call.ts';
import type { EnrichOptions } from './options.ts';
import { enrichmentsTopic } from './state.ts';
import { EnrichTask } from './task.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Asks third parties for one source until the signal: events of `events.tagged` say about what, each answer is a record of the
 * source's raw topic. Nothing waits for it. A fault of Kafka's begins afresh from what was committed.
 */
export async function enrich(options: EnrichOptions): Promise<void> {
  const { source, signal, log, wait } = options;
  for (let failed = 0; !signal.aborted; failed++) {
    const began = options.monotonic();
    try {
      await new EnrichTask(options).run();
    } catch (error) {
      if (signal.aborted) return;
      if (options.monotonic() - began > LONGEST_PAUSE_MS) failed = 0;
      const retryMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failed);
      const code = error instanceof FreshetError ? error.code : error instanceof Error ? error.name : 'error';
      log('warn', 'an enrichment ended and takes over afresh', { source: source.name, code, retryMs });
      await wait(retryMs, signal);
    }
  }
}

export interface EnrichmentsOptions extends Omit<EnrichOptions, 'source' | 'enrich' | 'call' | 'state' | 'opaque' | 'signal'> {
  readonly sources: readonly SourceConfig[];
  readonly callOf: (source: SourceConfig) => Call;
  readonly state: (source: string, upTo: number) => void;
  readonly opaque: (source: string, key: string) => string;
}

/** Asks for all sources that ask third parties and that the group gives to this process: each is asked for by one process at a time. */
export async function startEnrichments(options: EnrichmentsOptions): Promise<{ stop(): Promise<void> }> {
  const { sources, callOf, state, opaque, ...more } = options;
  const asking = sources.filter(({ input }) => input.kind === 'enrich');
  return await oneEach({
    kafka: more.kafka,
    group: more.names.group('enrichments'),
    topic: more.names.topic(enrichmentsTopic.name),
    count: asking.length,
    run: async (index, signal) => {
      const source = asking[index];
      if (source?.input.kind !== 'enrich') return;
      await enrich({
        ...more,
        source,
        enrich: source.input.enrich,
        call: callOf(source),
        state: (upTo) => state(source.name, upTo),
        opaque: (key) => opaque(source.name, key),
        signal,
      });
    },
  });
}
