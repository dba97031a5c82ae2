import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry as MetricsRegistry } from 'prom-client';
import { caller } from '../connectors/sources/enrich/call.ts';
import { startEnrichments } from '../connectors/sources/enrich/index.ts';
import { enrichMetrics } from '../connectors/sources/enrich/metrics.ts';
import { startIntakes } from '../connectors/sources/files/intake.ts';
import { intakeMetrics } from '../connectors/sources/files/intake-metrics.ts';
import { asker } from '../connectors/sources/poll/ask.ts';
import { startPolls } from '../connectors/sources/poll/index.ts';
import { pollMetrics } from '../connectors/sources/poll/metrics.ts';
import type { Log } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { opaqueKey } from '../schemas/keys.ts';
import type { Pipeline } from './pipeline.ts';

export interface PullsOptions {
  readonly pipeline: Pipeline;
  readonly sources: readonly SourceConfig[];
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  /** Of the deployment, for opaque keys. */
  readonly secret: string;
  /** Folder of the workspace: what is declared as relative lies in it. */
  readonly dir: string;
}

interface Running {
  stop(): Promise<void>;
}

const wait = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);

/** Asks for polled sources, and states of each up to when it has been answered. */
export async function runPolls({ pipeline, sources, metrics, log }: PullsOptions): Promise<Running> {
  const polled = sources.filter(({ input }) => input.kind === 'poll');
  const feed = pipeline.feed('polls', polled);
  const polls = await startPolls({
    sources: polled,
    askerOf: ({ input }) => {
      if (input.kind !== 'poll') throw new FreshetError('CONFIG_INVALID', 'only polled sources are asked for');
      return asker(input.poll, fetch);
    },
    kafka: pipeline.kafka,
    names: pipeline.names,
    partitions: pipeline.partitions,
    tick: () => pipeline.progress.tick,
    state: (source, upTo) => feed.state(source, upTo),
    metrics: pollMetrics(metrics),
    log,
    wait,
  });
  return {
    stop: async () => {
      await polls.stop();
      await feed.close();
    },
  };
}

/** Takes in the files that are put into the folders of sources. */
export async function runIntakes({ pipeline, sources, metrics, log, dir }: PullsOptions): Promise<Running> {
  const fed = sources.filter(({ input }) => input.kind === 'files');
  const feed = pipeline.feed('files', fed);
  const intakes = await startIntakes({
    sources: fed,
    folderOf: (declared) => resolve(dir, declared),
    kafka: pipeline.kafka,
    serdes: pipeline.serdes,
    names: pipeline.names,
    partitions: pipeline.partitions,
    tick: () => pipeline.progress.tick,
    metrics: intakeMetrics(metrics),
    log,
    wait,
    monotonic: () => performance.now(),
  });
  // The ends of files are what vouches for them; this says no more than that somebody reads them.
  for (const { name } of fed) feed.state(name, Number.NEGATIVE_INFINITY);
  return {
    stop: async () => {
      await intakes.stop();
      await feed.close();
    },
  };
}

/** Asks third parties what events want to know, and states of each such source up to when all has been answered. */
export async function runEnrichments({ pipeline, sources, metrics, log, secret }: PullsOptions): Promise<Running> {
  const asking = sources.filter(({ input }) => input.kind === 'enrich');
  const feed = pipeline.feed('enrichments', asking);
  const enrichments = await startEnrichments({
    sources: asking,
    callOf: ({ input }) => {
      if (input.kind !== 'enrich') throw new FreshetError('CONFIG_INVALID', 'only enrichments ask third parties');
      return caller(input.enrich, fetch);
    },
    kafka: pipeline.kafka,
    serdes: pipeline.serdes,
    names: pipeline.names,
    partitions: pipeline.partitions,
    tick: () => pipeline.progress.tick,
    state: (source, upTo) => feed.state(source, upTo),
    opaque: (source, key) => opaqueKey(secret, `enrich ${source}`, key),
    metrics: enrichMetrics(metrics),
    log,
    wait,
    monotonic: () => performance.now(),
  });
  return {
    stop: async () => {
      await enrichments.stop();
      await feed.close();
    },
  };
}
