import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Registry as MetricsRegistry } from 'prom-client';
import { placesTeller } from '../connectors/consumer/places.ts';
import { sourceAlerts } from '../processors/watch-sources/alerts.ts';
import { watchSources } from '../processors/watch-sources/index.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { type Environment, type Log, type Names, prefixedNames } from '../runtime/environment.ts';
import type { Kafka, PartitionReader, Producer } from '../runtime/kafka/contract.ts';
import { durabilityWarnings } from '../runtime/durability.ts';
import { promTaskMetrics } from '../runtime/metrics.ts';
import { guardPartitions } from '../runtime/partition-guard.ts';
import type { Processor } from '../runtime/processor.ts';
import { rocksdbEngine } from '../runtime/state/rocksdb.ts';
import type { StoreEngine } from '../runtime/state/store.ts';
import { validateTopology } from '../runtime/topology.ts';
import type { Topic } from '../runtime/topic.ts';
import type { GlobalTables } from '../runtime/tables/global-tables.ts';
import { claimWriter, type ClaimWriter } from '../runtime/watermarks/claims.ts';
import type { Feed } from '../runtime/watermarks/contract.ts';
import { openFeed } from '../runtime/watermarks/feed.ts';
import { ProgressTable } from '../runtime/watermarks/progress.ts';
import type { SourceWatcher } from '../runtime/watermarks/source-watcher.ts';
import { FEED, SOURCE } from '../runtime/watermarks/stages.ts';
import { tpKey } from '../runtime/record.ts';
import { Worker } from '../runtime/worker.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { RawDecoder } from '../schemas/raw-decoder.ts';
import type { Serdes } from '../schemas/serdes.ts';
import { sourceClock } from '../schemas/source-clock.ts';
import { changelogSpec, topicSpecs } from '../schemas/topic-specs.ts';
import { rawTopic, referenceTopic, topics } from '../schemas/topics.ts';
import { withRawSchemas } from './raw-serdes.ts';
import { lastReports } from './source-reports.ts';
import { instanceOf, storedTasks, withAdvice } from './stores.ts';
import { openTables } from './tables.ts';
import { type Down, tearDown } from './tear-down.ts';

export interface PipelineOptions {
  readonly kafka: Kafka;
  readonly serdes: Serdes;
  readonly rawDecoder: RawDecoder;
  /** Sources that take part; the clocks of rules are made of these. */
  readonly sources: readonly SourceConfig[];
  /** All processors of the deployment, whether they run here or not. */
  readonly processors: readonly Processor[];
  /** Names of those that run here; default: all. `watch-sources` is one of them. */
  readonly run?: readonly string[];
  /** Sources of history that is about to be loaded: clocks wait for them from the start. */
  readonly expect?: readonly string[];
  readonly prefix: string;
  readonly partitions: number;
  readonly dataDir: string;
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  readonly clock?: Clock;
  readonly engine?: StoreEngine;
  readonly sessionTimeoutMs?: number;
}

/** A process's share of the walk: its workers, and what connectors need to join in. */
export interface Pipeline {
  readonly kafka: Kafka;
  readonly reader: PartitionReader;
  readonly producer: Producer;
  readonly serdes: Serdes;
  readonly names: Names;
  readonly progress: ProgressTable;
  readonly tables: GlobalTables;
  readonly claims: ClaimWriter;
  readonly workers: readonly Worker[];
  readonly watcher: SourceWatcher | undefined;
  readonly sources: readonly SourceConfig[];
  readonly partitions: number;
  /** A feed for the named sources. */
  feed(instance: string, sources: readonly SourceConfig[]): Feed;
  /** Kills a processor of this process; the result starts it again. Undefined: it does not run here. */
  kill(processor: string): Promise<(() => Promise<void>) | undefined>;
  /** Processors that were killed and are not back, by name. */
  readonly down: ReadonlyMap<string, Down>;
  /** Tasks that still hold something. */
  unfinished(): readonly string[];
  stop(): Promise<void>;
}

/** How often consumers of memberships are told from where the changes go on, where they have gone on. */
const TELL_PLACES_MS = 2000;

export const WATCH_SOURCES = 'watch-sources';

type PrepareOptions = Pick<PipelineOptions, 'kafka' | 'serdes' | 'processors' | 'sources' | 'prefix' | 'partitions'> & {
  readonly log?: Log;
};

/** Creates the topics and registers the schemas, of everything or nothing; TOPIC_MISMATCH says what to do. */
export async function prepareCluster(options: PrepareOptions): Promise<void> {
  const { kafka, processors, prefix, partitions } = options;
  const declared = allTopics(options.sources);
  const known = new Set(declared.map(({ name }) => name));
  const ofSegments = processors.flatMap(({ outputs }) => outputs.filter(({ name }) => !known.has(name)));
  const specs = [
    ...topicSpecs({ prefix, partitions, topics: [...declared, ...ofSegments] }),
    ...processors.map(({ name }) => changelogSpec(name, { prefix, partitions })),
  ];
  await kafka.admin.createTopics(specs);
  await options.serdes.register(ofSegments);
  // Only a warning: where it may not be asked, nothing is said.
  const kept = await kafka.admin.durability?.(specs.map(({ name }) => name)).catch(() => undefined);
  for (const warning of kept ? durabilityWarnings(kept.brokers, kept.topics) : [])
    options.log?.('warn', 'topics could be safer', { warning });
}

/** Every declared topic, the raw topics of sources that have one, and those of reference tables. */
export function allTopics(sources: readonly SourceConfig[]): Topic[] {
  const endpoints = sources.filter(({ input }) => input.kind === 'endpoint');
  const others = sources.filter(({ input }) => input.kind !== 'endpoint');
  return [
    ...Object.values(topics).map((topic) => (topic.name === topics.eventsRaw.name ? keptFor(topic, endpoints) : topic)),
    ...others.map((source) => keptFor(rawTopic(source.name), [source])),
    ...sources.flatMap(({ table }) => (table === undefined ? [] : [referenceTopic(table.name)])),
  ];
}

/** Kept as long as the longest of its sources asks; those that do not ask want what is usual. */
function keptFor(topic: Topic, sources: readonly SourceConfig[]): Topic {
  const { retention } = topic;
  if (retention.kind !== 'delete' || !sources.some(({ keepMs }) => keepMs !== undefined)) return topic;
  const retentionMs = Math.max(...sources.map(({ keepMs }) => keepMs ?? retention.retentionMs));
  return { ...topic, retention: { ...retention, retentionMs } };
}

/** Topics, schemas, control topic, workers: everything that is not a connector. Resolves when the tasks are assigned. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { kafka, sources, processors, prefix, partitions, log, clock = systemClock } = options;
  validateTopology(processors, new Set([FEED, SOURCE]));
  const names = prefixedNames(prefix);
  const { serdes } = options;
  await prepareCluster(options);

  const reader = kafka.reader();
  const producer = kafka.producer();
  const control = { topic: names.topic(topics.progress.name), partition: 0 };
  const progress = new ProgressTable();
  const id = tpKey(control.topic, control.partition);
  const start = (await kafka.admin.startOffsets([control])).get(id) ?? 0;
  const end = (await kafka.admin.endOffsets([control])).get(id) ?? 0;
  await progress.follow(reader, control.topic, start, end);
  const claims = claimWriter({
    producer,
    topic: control.topic,
    onError: () => log('warn', 'claims of progress cannot be published now', {}),
  });

  for (const source of options.expect ?? []) {
    const heardOf = [...progress.all()].some((claim) => claim.stage === FEED && claim.source === source);
    if (!heardOf) claims.claim({ stage: FEED, task: 'expected', source, at: Number.NEGATIVE_INFINITY });
  }
  await claims.flush();

  const storesDir = join(options.dataDir, 'stores', prefix || 'default');
  const stored = options.engine ? [] : await storedTasks(storesDir);
  const instanceId = options.engine ? undefined : await instanceOf(storesDir);
  const wanted = new Set(options.run ?? [...processors.map(({ name }) => name), WATCH_SOURCES]);
  const here = processors.filter(({ name }) => wanted.has(name));
  const tables = await openTables(here, { partitions, names, serdes, reader, admin: kafka.admin, log });
  const environment: Environment = {
    kafka,
    reader,
    serdes: withRawSchemas(serdes, options.rawDecoder),
    names,
    engine: options.engine ?? withAdvice(rocksdbEngine(storesDir), storesDir),
    clock,
    clusterId: await kafka.admin.clusterId(),
    partitions: (topic) => (topic === control.topic ? 1 : partitions),
    sourceOfTopic: new Map(
      sources.filter(({ input }) => input.kind !== 'endpoint').map(({ name }) => [rawTopic(name).name, name]),
    ),
    rejected: topics.eventsRejected,
    progress,
    claims,
    metrics: promTaskMetrics(options.metrics),
    log,
    changelogDeleteRetentionMs: 24 * 60 * 60 * 1000,
    tables,
  };
  const clocks = sources.map((source) => sourceClock(source, sources));
  const timeout = options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs };
  const workerOf = (processor: Processor, own: readonly number[]): Worker =>
    new Worker({ environment, processor, tasks: partitions, sources: clocks, instanceId, stored: own, ...timeout });
  const workers = here.map((processor) =>
    workerOf(
      processor,
      stored.flatMap((task) => (task.processor === processor.name ? [task.partition] : [])),
    ),
  );
  const down = new Map<string, Down>();

  const watcher = wanted.has(WATCH_SOURCES)
    ? watchSources({
        kafka,
        progress,
        claims,
        sources: clocks,
        stage: firstStage(processors),
        tasks: partitions,
        group: names.group(WATCH_SOURCES),
        instanceId,
        topic: control.topic,
        declared: new Map(sources.map((source) => [source.name, source])),
        onReport: sourceAlerts(options.metrics, log),
        lastReports: () => lastReports(kafka, names.topic(topics.sourcesFreshness.name), serdes),
        producer,
        serde: serdes.of(topics.sourcesFreshness),
        reports: { topic: names.topic(topics.sourcesFreshness.name), partitions },
        onError: () => log('warn', 'the status of a source cannot be published now', {}),
      })
    : undefined;
  await Promise.all([...workers.map((worker) => worker.start()), watcher?.start()]);
  const topicsOf = ({ processor }: Worker): string[] =>
    [...processor.inputs, ...processor.outputs].map(({ name }) => names.topic(name)).filter((topic) => topic !== control.topic);
  const stopGuarding = guardPartitions({
    admin: kafka.admin,
    topics: [...new Set(workers.flatMap(topicsOf))],
    partitions,
    onMismatch: (topic, error) => {
      for (const worker of workers) if (topicsOf(worker).includes(topic)) worker.refuse(error);
    },
  });

  const tellPlaces = placesTeller({
    admin: kafka.admin,
    producer,
    serde: serdes.of(topics.segmentsMembers),
    changes: names.topic(topics.segmentsMembership.name),
    members: names.topic(topics.segmentsMembers.name),
    partitions: () =>
      workers
        .filter(({ processor }) => processor.outputs.some(({ name }) => name === topics.segmentsMembers.name))
        .flatMap((worker) => worker.status().map(({ partition }) => partition)),
    onError: () => log('warn', 'from where changes of membership go on cannot be told now', {}),
  });
  const telling = setInterval(() => void tellPlaces(), TELL_PLACES_MS);

  return {
    kafka,
    reader,
    producer,
    serdes,
    names,
    progress,
    tables,
    claims,
    workers,
    watcher,
    sources,
    partitions,
    feed: (instance, fed) =>
      openFeed({
        instance: `${instance}-${hostname()}-${process.pid}`,
        sources: fed.map((source) => sourceClock(source, sources)),
        progress,
        claims,
      }),
    down,
    kill: async (name) => {
      const index = workers.findIndex(({ processor }) => processor.name === name);
      const worker = workers[index];
      if (worker === undefined) return undefined;
      const own = worker.status().map(({ partition }) => partition);
      const torn = tearDown(worker, kafka, () => clock.now());
      down.set(name, { since: clock.now(), waiting: 0 });
      const gone = await torn;
      down.set(name, gone.down);
      return async () => {
        const next = workerOf(worker.processor, own);
        workers[index] = next;
        await next.start();
        gone.forget();
        down.delete(name);
      };
    },
    unfinished: () =>
      workers.flatMap((worker) =>
        worker
          .status()
          .filter(({ state }) => state !== 'failed')
          .map(({ partition }) => `${worker.processor.name}-${partition}`),
      ),
    stop: async () => {
      stopGuarding();
      clearInterval(telling);
      // Upstream first, so that what is in flight is finished by those behind.
      await watcher?.stop();
      for (const worker of workers) await worker.stop();
      tables.close();
      await claims.close();
      progress.close();
      await producer.close();
      await reader.close();
    },
  };
}

/** The processor that takes its watermarks from the feeds. */
function firstStage(processors: readonly Processor[]): string {
  return processors.find(({ upstream }) => upstream.includes(FEED))?.name ?? FEED;
}
