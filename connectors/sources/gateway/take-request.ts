import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../runtime/clock.ts';
import { type Budget, createBudget, type Reservation } from './budget.ts';
import { deliver, kafkaAway, type Outlets } from './deliver.ts';
import { inflate, inflatedLimit, isGzip } from './inflate.ts';
import type { GatewayLimits } from './limits.ts';
import type { GatewayMetrics } from './metrics.ts';
import { type Call, openBody } from './open-body.ts';
import { aborted, readBody } from './read-body.ts';
import { type EventsRead, readEvents } from './read-events.ts';
import { recordBatches } from './records.ts';
import { busy, isRefusal, refuse, type Refusal } from './refusal.ts';
import { type RejectedLine, rejectedLine, rejectedRecords, sentence } from './rejects.ts';
import { basicUser, type FindSource } from './write-keys.ts';

/** Everything of the request is in Kafka: its events, and a record of each that could not be used. */
export interface Accepted {
  readonly kind: 'accepted';
  /** Events that were not taken, the first hundred of them. */
  readonly rejected: readonly RejectedLine[];
  readonly rejectedCount: number;
}

export type TakeRequest = (request: IncomingMessage, call: Call) => Promise<Accepted | RefusalWithLines | typeof aborted>;

/** A refusal; where no event of a batch could be used it has a line for each. */
export type RefusalWithLines = Refusal & { readonly rejected?: readonly RejectedLine[] };

export interface TakeOptions {
  readonly findSource: FindSource;
  readonly outlets: Outlets;
  readonly limits: GatewayLimits;
  readonly budget: Budget;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly secret: string;
  readonly partitions: number;
}

const linesShown = 100;

/** The way of one request from its first byte to the acknowledgement of its last record. Bad input never makes it throw. */
export function takeRequests(options: TakeOptions): TakeRequest {
  const { budget, limits } = options;
  const strangers = createBudget(budgetOfStrangers(limits));
  return async (request, call) => {
    if (options.outlets.gate.isShut) return kafkaAway(limits);
    if (budget.full) return busy();
    const user = basicUser(request.headers.authorization);
    if (user !== undefined && options.findSource(user) === undefined) return unknownKey();
    const held = budget.reserve();
    const heldByStranger = strangers.reserve();
    try {
      return await take(request, call, user, options, held, user === undefined ? heldByStranger : undefined);
    } finally {
      held.release();
      heldByStranger.release();
    }
  };
}

/** Senders that show their key only in the body share half the room, so that those without any cannot take all of it. */
function budgetOfStrangers(limits: GatewayLimits): number {
  return limits.inFlightBytes / 2;
}

async function take(
  request: IncomingMessage,
  call: Call,
  user: string | undefined,
  options: TakeOptions,
  held: Reservation,
  heldByStranger: Reservation | undefined,
): Promise<Accepted | RefusalWithLines | typeof aborted> {
  const { limits, metrics, clock } = options;
  const receivedAt = clock.now();
  const reservations = heldByStranger === undefined ? [held] : [held, heldByStranger];
  const wire = await readBody(request, limits.bodyBytes, reservations);
  if (wire === aborted || isRefusal(wire)) return wire;
  const bytes = isGzip(wire) ? await inflateWithin(wire, limits, reservations) : wire;
  if (isRefusal(bytes)) return bytes;
  const body = openBody(call, bytes, limits);
  if (isRefusal(body)) return body;
  const writeKey = user ?? body.writeKey;
  if (writeKey === undefined) return missingKey();
  const known = options.findSource(writeKey);
  if (known === undefined) return unknownKey();
  const source = known.name;
  heldByStranger?.release();
  metrics.bytes.inc({ source, form: 'wire' }, wire.length);
  metrics.bytes.inc({ source, form: 'inflated' }, bytes.length);

  const { secret, partitions } = options;
  const events = await readEvents(body, { source: known, secret, limits });
  if (isRefusal(events)) return events;
  if (!held.grow(events.takenBytes)) return busy();
  const isRetry = Number(request.headers['x-retry-count'] ?? 0) > 0;
  const batches = recordBatches(events.taken, { partitions, source, receivedAt, at: clock.now(), isRetry }, limits.produceBytes);
  const rejected = rejectedRecords(events.refused, call, source, receivedAt);
  const failure = await deliver(batches, rejected, options.outlets, limits);
  if (failure !== undefined) return failure;
  metrics.accepted.inc({ source }, events.taken.length);
  for (const { reason } of events.refused) metrics.rejected.inc({ source, reason });
  return answerFor(events, call);
}

async function inflateWithin(
  wire: Buffer,
  limits: GatewayLimits,
  reservations: readonly Reservation[],
): Promise<Buffer | Refusal> {
  const most = inflatedLimit(wire.length, limits);
  if (!reservations.every((one) => one.grow(most))) return busy();
  const bytes = await inflate(wire, limits);
  const size = isRefusal(bytes) ? 0 : bytes.length;
  for (const one of reservations) one.shrink(most - size);
  return bytes;
}

function answerFor({ taken, refused }: EventsRead, call: Call): Accepted | RefusalWithLines {
  const [first] = refused;
  const rejected = refused.slice(0, linesShown).map(rejectedLine);
  if (first === undefined || taken.length > 0) return { kind: 'accepted', rejected, rejectedCount: refused.length };
  const refusal =
    first.reason === 'too_large' && call !== 'batch'
      ? refuse(413, 'event_too_large', sentence(first, call))
      : refuse(400, 'invalid_event', sentence(first, call));
  return call === 'batch' ? { ...refusal, rejected } : refusal;
}

function missingKey(): Refusal {
  return refuse(401, 'missing_write_key', 'a write key is expected, as user of Basic authorization or as writeKey in the body');
}

function unknownKey(): Refusal {
  return refuse(401, 'unknown_write_key', 'the write key belongs to no source');
}
