import { join } from 'node:path';
import type { Router } from 'express';
import { Registry as MetricsRegistry } from 'prom-client';
import { runSink, type RunningSink } from '../connectors/sinks/run-sink.ts';
import { ledgerTopic } from '../connectors/sinks/ledger.ts';
import { type EmailOptions, emailSink } from '../connectors/sinks/email/index.ts';
import { delayMetrics, type HandedOver } from '../connectors/sinks/metrics.ts';
import { compileTemplates, type Templates } from '../connectors/sinks/email/templates.ts';
import { withRetry } from '../connectors/sinks/with/retry.ts';
import { createGateway, type Gateway } from '../connectors/sources/gateway/index.ts';
import { filesTopic } from '../connectors/sources/files/intake-state.ts';
import { enrichmentsTopic } from '../connectors/sources/enrich/state.ts';
import { pollsTopic } from '../connectors/sources/poll/state.ts';
import { webhookRouter } from '../connectors/sources/webhook/index.ts';
import { startMailbox, type Mailbox } from '../infra/mailbox/index.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { partitionFor } from '../runtime/partition.ts';
import type { Rejected } from '../runtime/record.ts';
import { TICK_KEY } from '../runtime/watermarks/claims.ts';
import type { Feed } from '../runtime/watermarks/contract.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { createRawDecoder } from '../schemas/raw-decoder.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topicSpecs } from '../schemas/topic-specs.ts';
import { topics } from '../schemas/topics.ts';
import { identityRouter } from '../services/identity/index.ts';
import { decideRouter } from '../services/decide/index.ts';
import { metricsRouter } from '../services/metrics/index.ts';
import { createReadSide } from '../services/read-side.ts';
import { createStatusTail } from '../services/status-tail.ts';
import type { Snapshot, Told } from '../services/views.ts';
import type { Workspace } from '../workspace/load.ts';
import type { Connection } from './cluster.ts';
import type { HealthParts } from './health.ts';
import { decideView } from './decide-view.ts';
import { listen } from './http.ts';
import { identityDesk } from './identity-desk.ts';
import { allTopics, type Pipeline, startPipeline, WATCH_SOURCES } from './pipeline.ts';
import { profileView } from './profile-view.ts';
import { runEnrichments, runIntakes, runPolls } from './pulls.ts';
import { followSeeds } from './seeding.ts';
import type { Settings } from './settings.ts';
import { smtpServerOf, senderOf } from './mail-settings.ts';
import { agreeOnRules } from './segment-rules.ts';
import { CUSTOMERS, topologyOf } from './topology.ts';
import { traceView, whyView } from './trace-view.ts';
import { waitingMetrics, waitingView } from './waiting.ts';
import { type Figures, walkView } from './walk-view.ts';
import { clockAlerts } from './wrong-clocks.ts';

/** What can be run apart from the processors. */
export const connectors = ['gateway', 'polls', 'files', 'enrichments', 'email', 'console'] as const;

/** Those that bring records in, as they call themselves on the way of a record. */
const HOPS_BEFORE = ['gateway', 'webhook', 'poll', 'files', 'enrich', 'replay'];

export interface AppOptions {
  readonly settings: Settings;
  readonly workspace: Workspace;
  readonly connection: Connection;
  readonly log: Log;
  /** Names of processors and connectors that run here; default: all. */
  readonly run?: readonly string[];
  /** Sources of history that is about to be loaded: clocks wait for them from the start. */
  readonly expect?: readonly string[];
  /** Sources that take part; default: those of the workspace that are live or feed a backfill. */
  readonly sources?: readonly SourceConfig[];
  /** Of the workspace, where they are compiled already: a faulty one is best told before anything starts. */
  readonly templates?: Templates;
  /** What a demonstration has to say, and more routes of the read side, by path. */
  readonly story?: () => readonly Told[];
  readonly routes?: Readonly<Record<string, Router>>;
}

/** The running parts of a deployment that live in this process. */
export interface App {
  readonly pipeline: Pipeline;
  readonly gatewayUrl: string | undefined;
  readonly consoleUrl: string | undefined;
  readonly mailbox: Mailbox | undefined;
  readonly metrics: MetricsRegistry;
  /** What the readiness of this process depends on. */
  readonly health: HealthParts;
  snapshot(): Snapshot;
  figures(): Figures;
  /** After `stop` was called: what has not ended yet. */
  unfinished(): readonly string[];
  stop(): Promise<void>;
}

/** Starts what was asked for, in the order of the walk from its end: nothing is taken in before there is somebody to take it on. */
export async function startApp(options: AppOptions): Promise<App> {
  const { settings, workspace, connection, log } = options;
  const { prefix, partitions } = settings;
  const { kafka, registry } = connection;
  const sources = options.sources ?? workspace.sources.filter(({ mode }) => mode !== 'replay');
  const rawDecoder = createRawDecoder({ registry });
  const serdes = createSerdes({ registry, prefix, topics: allTopics(sources) });
  const decides = options.run === undefined || options.run.includes(CUSTOMERS);
  const rules = decides
    ? await agreeOnRules({ kafka, serdes, prefix, partitions, workspace, log, now: systemClock.now() })
    : undefined;
  const processors = topologyOf(workspace, sources, rawDecoder, rules);
  const wanted = new Set<string>(options.run ?? [...processors.map(({ name }) => name), WATCH_SOURCES, ...connectors]);
  const templates = wanted.has('email') ? (options.templates ?? (await compileTemplates(workspace.templatesDir))) : undefined;
  const metrics = new MetricsRegistry();
  const closers: [name: string, close: () => Promise<void> | void][] = [];
  const stop = async (): Promise<void> => {
    for (let last = closers.at(-1); last; last = closers.at(-1)) {
      await last[1]();
      closers.splice(closers.indexOf(last), 1);
    }
  };
  try {
    await kafka.admin.createTopics(
      topicSpecs({ prefix, partitions, topics: [ledgerTopic('email'), pollsTopic, filesTopic, enrichmentsTopic] }),
    );
    const run = [...wanted].filter((name) => !connectors.some((connector) => connector === name));
    const pipeline = await startPipeline({
      kafka,
      serdes,
      rawDecoder,
      sources,
      processors,
      run,
      expect: options.expect ?? [],
      prefix,
      partitions,
      dataDir: settings.dataDir,
      metrics,
      log,
    });
    closers.push(['processors', () => pipeline.stop()]);

    const seeding = followSeeds(pipeline, processors, workspace, log);
    closers.push(['seeds', () => seeding.close()]);

    const mailbox = wanted.has('email') && !settings.smtpUrl ? await mailboxOf(settings) : undefined;
    if (mailbox) closers.push(['mailbox', () => mailbox.close()]);
    const sinks = new Map<string, RunningSink>();

    const lookUps = { kafka, serdes, names: pipeline.names, sources };
    const tail = createStatusTail({ kafka, serdes, names: pipeline.names });
    closers.push(['status', () => tail.close()]);
    const now = (): number => systemClock.now();
    const waiting = waitingView({ pipeline, segments: workspace.segments, sources });
    const { story = () => [] } = options;
    const onClocks = clockAlerts(log);
    const view = walkView({ pipeline, sinks, metrics, status: () => tail.snapshot(), waiting, story, onClocks, now });
    waitingMetrics(metrics, () => view.figures().waiting, now);
    await view.refresh();
    const refreshing = setInterval(() => void view.refresh(), 1000);
    closers.push(['rates', () => clearInterval(refreshing)]);

    let consoleUrl: string | undefined;
    if (wanted.has('console')) {
      const readSide = createReadSide({
        snapshots: view,
        profiles: profileView(pipeline, workspace, () => systemClock.now()),
        why: whyView(lookUps),
        trace: traceView(lookUps),
        log,
        more: {
          '/metrics': metricsRouter(metrics),
          '/api/decide': decideRouter(decideView(pipeline, workspace, sources, now)),
          '/': identityRouter(identityDesk(pipeline, workspace)),
          ...(mailbox ? { '/mail': mailbox.router } : {}),
          ...options.routes,
        },
      });
      const server = await listen(readSide.app, settings.ports.console, 'FRESHET_CONSOLE_PORT');
      closers.push([
        'console',
        async () => {
          readSide.close();
          await server.close();
        },
      ]);
      consoleUrl = `http://localhost:${server.port}`;
    }

    if (templates) {
      const baseUrl = settings.consoleUrl ?? consoleUrl ?? `http://localhost:${settings.ports.console}`;
      const delay = delayMetrics(metrics, [...processors.map(({ name }) => name), ...HOPS_BEFORE]);
      const sink = await startEmail(options, pipeline, mailbox, { templates, baseUrl }, delay);
      sinks.set('email-sink', sink);
      closers.push(['email', () => sink.stop()]);
    }

    let gatewayUrl: string | undefined;
    if (wanted.has('gateway')) {
      const fed = sources.filter(({ input }) => input.kind === 'endpoint' || input.kind === 'webhook');
      const feed = pipeline.feed('gateway', fed);
      // A feed that ends without a word holds the clocks of its sources for as long as its requests could still be under way.
      closers.push(['feed', () => feed.close()]);
      const gateway = gatewayOf(options, pipeline, fed, feed, metrics);
      const at = await gateway.start({ port: settings.ports.gateway, host: settings.gatewayHost }).catch((cause: unknown) => {
        if (!(cause instanceof FreshetError && cause.code === 'PORT_BUSY')) throw cause;
        throw new FreshetError('PORT_BUSY', `${cause.message}: end it, or choose another with FRESHET_GATEWAY_PORT`, { cause });
      });
      closers.push(['gateway', () => gateway.stop()]);
      gatewayUrl = `http://localhost:${at.port}`;
    }
    const pulls = { pipeline, sources, metrics, log, secret: workspace.secret, dir: workspace.dir };
    if (wanted.has('polls') && sources.some(({ input }) => input.kind === 'poll')) {
      const polls = await runPolls(pulls);
      closers.push(['polls', () => polls.stop()]);
    }
    if (wanted.has('files') && sources.some(({ input }) => input.kind === 'files')) {
      const intakes = await runIntakes(pulls);
      closers.push(['files', () => intakes.stop()]);
    }
    if (wanted.has('enrichments') && sources.some(({ input }) => input.kind === 'enrich')) {
      const enrichments = await runEnrichments(pulls);
      closers.push(['enrichments', () => enrichments.stop()]);
    }
    const control = { topic: pipeline.names.topic(topics.progress.name), partition: 0 };
    const health: HealthParts = {
      workers: pipeline.workers,
      probes: { kafka: () => kafka.admin.endOffsets([control]), registry: () => registry.schema(1) },
    };
    const unfinished = (): string[] =>
      closers.flatMap(([name]) => (name === 'processors' ? pipeline.unfinished() : [name])).toReversed();
    return {
      pipeline,
      gatewayUrl,
      consoleUrl,
      mailbox,
      metrics,
      health,
      snapshot: () => view.snapshot(),
      figures: () => view.figures(),
      unfinished,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function mailboxOf(settings: Settings): Promise<Mailbox> {
  return startMailbox({ smtpPort: settings.ports.smtp, folder: join(settings.dataDir, 'mailbox') });
}

async function startEmail(
  { settings, connection, log }: AppOptions,
  pipeline: Pipeline,
  mailbox: Mailbox | undefined,
  mails: Pick<EmailOptions, 'templates' | 'baseUrl'>,
  handedOver: HandedOver,
): Promise<RunningSink> {
  const sink = emailSink({
    server: settings.smtpUrl
      ? smtpServerOf(settings.smtpUrl)
      : { host: '127.0.0.1', port: mailbox?.smtpPort ?? settings.ports.smtp },
    from: senderOf(settings.mailFrom),
    ...mails,
  });
  return await runSink({
    kafka: connection.kafka,
    sink: withRetry(sink),
    serdes: pipeline.serdes,
    names: pipeline.names,
    partitions: settings.partitions,
    log,
    handedOver,
  });
}

function gatewayOf(
  { workspace, connection, log }: AppOptions,
  pipeline: Pipeline,
  sources: readonly SourceConfig[],
  feed: Feed,
  metrics: MetricsRegistry,
): Gateway {
  const rejectedTopic = pipeline.names.topic(topics.eventsRejected.name);
  const serde = pipeline.serdes.of(topics.eventsRejected);
  const reject = async (rejected: Rejected): Promise<void> => {
    const key = rejected.key ?? Buffer.from(rejected.topic);
    const record = { key, value: serde.encode(rejected) };
    await pipeline.producer.send({ topic: rejectedTopic, partition: partitionFor(key, pipeline.partitions), records: [record] });
  };
  return createGateway({
    sources,
    producer: pipeline.producer,
    partitions: pipeline.partitions,
    topicName: pipeline.names.topic(topics.eventsRaw.name),
    feed,
    clock: systemClock,
    brokerTime: async () => {
      const tick = { key: Buffer.from(TICK_KEY), value: Buffer.alloc(0) };
      const control = { topic: pipeline.names.topic(topics.progress.name), partition: 0 };
      return (await pipeline.producer.send({ ...control, records: [tick] })).appendTime;
    },
    secret: workspace.secret,
    reject,
    registry: metrics,
    // Whether Kafka answers is asked of the brokers themselves: a gateway that has written nothing yet cannot know.
    probe: async () =>
      void (await connection.kafka.admin.endOffsets([{ topic: pipeline.names.topic(topics.eventsRaw.name), partition: 0 }])),
    more: {
      '/webhooks': webhookRouter({
        sources,
        producer: pipeline.producer,
        names: pipeline.names,
        partitions: pipeline.partitions,
        feed,
        clock: systemClock,
        registry: metrics,
      }),
    },
    log: ({ level, event, ...fields }) => log(level, event, fields),
  });
}
