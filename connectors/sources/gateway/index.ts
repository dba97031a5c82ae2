import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { Registry } from 'prom-client';
import type { Clock } from '../../../runtime/clock.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';
import type { Rejected } from '../../../runtime/record.ts';
import type { Feed } from '../../../runtime/watermarks/contract.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { answer, answerRefusal } from './answers.ts';
import { brokerClock, heardBy } from './broker-clock.ts';
import { createBudget } from './budget.ts';
import { KafkaGate } from './kafka-gate.ts';
import { type GatewayLimits, gatewayLimits } from './limits.ts';
import { gatewayMetrics } from './metrics.ts';
import type { Call } from './open-body.ts';
import { refuse } from './refusal.ts';
import { type GatewayLogLine, GatewayServer, type ListeningAt } from './server.ts';
import { takeRequests } from './take-request.ts';
import { writeKeys } from './write-keys.ts';

export interface GatewayOptions {
  /** Those with `input.kind` endpoint have write keys; others are left out. */
  readonly sources: readonly SourceConfig[];
  readonly producer: Producer;
  /** Partition count of events.raw. */
  readonly partitions: number;
  /** Physical name of events.raw. */
  readonly topicName: string;
  readonly feed: Feed;
  readonly clock: Clock;
  /** The time of a broker, epoch milliseconds, asked for at the start; later the append times of what is written tell it. */
  readonly brokerTime?: () => Promise<number | undefined>;
  /** Of the deployment, for the keys of records. */
  readonly secret: string;
  /** Records an event that could not be used; its request is not answered before it resolves. */
  readonly reject: (rejected: Rejected) => Promise<void>;
  /** Rejects while Kafka takes no writes; asked by /readyz. Without it only the gateway's own writes tell. */
  readonly probe?: () => Promise<void>;
  readonly limits?: Partial<GatewayLimits>;
  /** Where the metrics `freshet_gateway_*` are registered, once; a registry of its own when left out. */
  readonly registry?: Registry;
  readonly log?: (line: GatewayLogLine) => void;
  /** More that it takes in on the same port, by path. */
  readonly more?: Readonly<Record<string, RequestHandler>>;
}

/** The HTTP gateway: the Segment HTTP API in front of events.raw. Its metrics are in `registry`. */
export interface Gateway {
  readonly app: Express;
  readonly registry: Registry;
  /** Port 0 lets the system choose. Rejects with PORT_BUSY. */
  start(at?: { readonly port?: number; readonly host?: string }): Promise<ListeningAt>;
  /** Takes no more, finishes what is in hand, and after `deadlineMs` (10 s) hangs up on the rest. */
  stop(deadlineMs?: number): Promise<void>;
}

/** Every path below /v1 and what it takes; the short ones are those of the browser SDK. */
const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ...(['track', 'identify', 'page', 'screen', 'group', 'alias', 'batch'] as const).map((call) => [call, call] as const),
  ['import', 'batch'],
  ['t', 'track'],
  ['i', 'identify'],
  ['p', 'page'],
  ['s', 'screen'],
  ['g', 'group'],
  ['a', 'alias'],
  ['b', 'batch'],
]);

/**
 * A 200 of the gateway means that every event of the request is in Kafka (acks=all), in order per identifier, and every
 * event that could not be used is recorded. Anything else promises nothing, and sending the same again does no harm.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const limits = gatewayLimits(options.limits);
  const registry = options.registry ?? new Registry();
  const budget = createBudget(limits.inFlightBytes);
  const metrics = gatewayMetrics(registry, budget);
  const log = options.log ?? (() => {});
  const gate = new KafkaGate(options.clock, limits.retryAwayMs, (state) => log({ level: 'warn', event: `kafka-${state}` }));
  const { topicName, reject, secret, partitions } = options;
  const clock = brokerClock(options.clock, (behindMs) => log({ level: 'warn', event: 'clock-wrong', detail: told(behindMs) }));
  const producer = heardBy(clock, options.clock, options.producer);
  const outlets = { producer, topicName, reject, gate };
  const findSource = writeKeys(options.sources);
  const take = takeRequests({ findSource, outlets, limits, budget, metrics, clock, secret, partitions });

  const app = express();
  const server = new GatewayServer(app, limits, log);
  app.disable('x-powered-by').disable('etag');
  app.get('/healthz', (_, response) => void response.json({ status: 'ok' }));
  const isReady = async (): Promise<boolean> => !server.isStopping && !gate.isShut && (await succeeds(options.probe));
  app.get('/readyz', (_, response, next) => {
    isReady().then((ready) => {
      if (ready) response.json({ status: 'ready' });
      else answerRefusal(response, refuse(503, 'not_ready', 'the gateway takes no events at the moment', 1));
    }, next);
  });

  const serve = async (request: Request, response: Response, route: string, call: Call): Promise<void> => {
    const finished = options.feed.begin();
    const stopTimer = metrics.seconds.startTimer({ route });
    metrics.inFlight.inc();
    let status = 500;
    try {
      const result = server.isStopping ? server.refusal() : await take(request, call);
      if (server.isStopping) response.set('Connection', 'close');
      status = answer(response, result);
    } finally {
      metrics.inFlight.dec();
      metrics.requests.inc({ route, status });
      stopTimer();
      finished();
    }
  };
  app.use('/v1', allowBrowsers);
  app.post('/v1/:call', (request, response, next) => {
    const route = request.params.call.toLowerCase();
    const call = calls.get(route);
    if (call === undefined) next();
    else serve(request, response, route, call).catch(next);
  });
  for (const [path, handler] of Object.entries(options.more ?? {})) {
    app.use(path, (_, response, next) => (server.isStopping ? answerRefusal(response, server.refusal()) : next()), handler);
  }
  app.use((_: Request, response: Response) => {
    metrics.requests.inc({ route: 'other', status: 404 });
    answerRefusal(response, refuse(404, 'not_found', 'there is nothing at this path'));
  });
  app.use((error: unknown, _: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    if (isBadRequest(error)) return answerRefusal(response, refuse(400, 'bad_request', 'the path is not a valid URL'));
    log({ level: 'error', event: 'fault', detail: error instanceof Error ? error.name : 'unknown' });
    answerRefusal(response, refuse(500, 'internal_error', 'the gateway failed; send again later'));
  });
  const start: Gateway['start'] = async (at) => {
    const asked = options.clock.now();
    // Without an answer, the first thing that is written tells.
    const time = await options.brokerTime?.().catch(() => undefined);
    if (time !== undefined) clock.hear(time, asked, options.clock.now());
    return await server.start(at);
  };
  return { app, registry, start, stop: (deadlineMs) => server.stop(deadlineMs) };
}

function told(behindMs: number): string {
  if (behindMs === 0) return 'the clock of this machine agrees with the brokers again';
  const seconds = Math.round(Math.abs(behindMs) / 1000);
  const which = behindMs > 0 ? 'behind' : 'ahead of';
  return `the clock of this machine is ${seconds} s ${which} the brokers; theirs is used: set it right`;
}

/** Browsers on any site may send; keys are for writing only, and no cookie is read. */
function allowBrowsers(request: Request, response: Response, next: NextFunction): void {
  response.set({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'retry-after' });
  if (request.method !== 'OPTIONS') return next();
  response.set({
    'Access-Control-Allow-Methods': 'POST',
    'Access-Control-Allow-Headers': 'authorization, content-type, x-retry-count',
    'Access-Control-Max-Age': '7200',
  });
  response.status(204).end();
}

const probeTimeoutMs = 2000;

async function succeeds(probe: (() => Promise<void>) | undefined): Promise<boolean> {
  if (probe === undefined) return true;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, probeTimeoutMs, false);
  });
  const done = probe().then(
    () => true,
    () => false,
  );
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
