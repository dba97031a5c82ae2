import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { hashId, opaqueKey } from '../../../schemas/keys.ts';
import { identifiersOf, isJsonObject, type SegmentMessage } from '../../../schemas/segment-message.ts';
import { checkMessage, findHostile, problem, type Problem } from './check-message.ts';
import { type GatewayLimits, recordBytesPerBodyByte } from './limits.ts';
import { type OpenBody, parsePiece } from './open-body.ts';
import { refuse, type Refusal } from './refusal.ts';
import type { Piece } from './scan-json.ts';
import type { KnownSource } from './write-keys.ts';

/** An event as it will lie on the topic. */
export interface TakenEvent {
  readonly value: Buffer;
  readonly messageId: string;
  /** Opaque key of the primary identifier. */
  readonly key: string;
  /** The sender's clock when it sent, ISO; undefined when it did not say. */
  readonly sentAt: string | undefined;
}

/** An event that cannot be used, with its bytes as they came. */
export interface RefusedEvent extends Problem {
  readonly index: number;
  readonly bytes: Buffer;
}

export interface EventsRead {
  readonly taken: readonly TakenEvent[];
  readonly refused: readonly RefusedEvent[];
  readonly takenBytes: number;
}

/** After so many bytes of work other requests have their turn; an event is at least `leastWork`. */
const turnBytes = 64 * 1024;
const leastWork = 256;

export interface ReadOptions {
  readonly source: KnownSource;
  /** Of the deployment, for keys. */
  readonly secret: string;
  readonly limits: GatewayLimits;
}

/**
 * Reads each event of a body by itself: checks it, fills in what its batch and path say, and writes it as JSON again,
 * without any write key. An event without a message id gets one made of the body's bytes and its place, so that the same
 * body sent again has the same ids.
 */
export async function readEvents(body: OpenBody, options: ReadOptions): Promise<EventsRead | Refusal> {
  const { source, limits } = options;
  const taken: TakenEvent[] = [];
  const refused: RefusedEvent[] = [];
  const most = recordBytesPerBodyByte * limits.bodyBytes;
  let bodyHash: string | undefined;
  const idOf = (index: number): string => {
    bodyHash ??= createHash('sha256').update(body.bytes).digest('hex');
    return `gateway-${hashId(source.name, bodyHash, index)}`;
  };
  let takenBytes = 0;
  let work = 0;
  for (const [index, piece] of body.events.entries()) {
    const event = readEvent(body, piece, () => idOf(index), options);
    if ('reason' in event) refused.push({ ...event, index, bytes: body.bytes.subarray(piece.start, piece.end) });
    else {
      taken.push(event);
      takenBytes += event.value.length;
    }
    if (takenBytes > most)
      return refuse(413, 'batch_too_large', `context: makes the events of the batch larger than ${most} bytes`);
    work += leastWork + piece.end - piece.start;
    if (work > turnBytes) {
      work = 0;
      await setImmediate();
    }
  }
  return { taken, refused, takenBytes };
}

function readEvent(
  body: OpenBody,
  piece: Piece,
  newId: () => string,
  { source, secret, limits }: ReadOptions,
): TakenEvent | Problem {
  const size = piece.end - piece.start;
  if (size > limits.eventBytes) return problem('too_large', '', `has ${size} bytes, at most ${limits.eventBytes} are taken`);
  if (piece.depth > limits.eventDepth) return problem('too_deep', '', `is nested deeper than ${limits.eventDepth} levels`);
  if (piece.keys > limits.eventKeys)
    return problem('too_many_keys', '', `has ${piece.keys} keys, at most ${limits.eventKeys} are taken`);
  const parsed = parsePiece(body.bytes, piece);
  if (parsed === undefined) return problem('not_json', '', 'is not valid JSON in UTF-8');
  if (!isJsonObject(parsed.value)) return problem('not_an_object', '', 'must be a JSON object');
  const hostile = findHostile(parsed.value);
  if (hostile !== undefined) return hostile;
  const message = complete(parsed.value, body, newId);
  const wrong = checkMessage(message, source);
  if (wrong !== undefined) return wrong;
  const [identifier] = identifiersOf(message);
  if (identifier === undefined) return problem('no_identifier', 'userId', 'must name somebody');
  return {
    value: Buffer.from(JSON.stringify(message)),
    messageId: String(message['messageId']),
    key: opaqueKey(secret, identifier.kind, identifier.value),
    sentAt: isoTime(source.parseInstant(body.sentAt) ?? source.parseInstant(message['sentAt'])),
  };
}

/** The message with what its batch and its path say, its message id, and without the write key. */
function complete(event: SegmentMessage, body: OpenBody, newId: () => string): SegmentMessage {
  const { writeKey: _, ...message }: Record<string, unknown> = event;
  for (const field of ['context', 'integrations', 'traits', 'properties']) {
    const value = message[field];
    if (Array.isArray(value) && value.length === 0) message[field] = {};
  }
  for (const field of ['context', 'integrations'] as const) {
    const own = message[field] ?? {};
    if (isJsonObject(own) && Object.keys(body[field]).length > 0) message[field] = { ...body[field], ...own };
  }
  if ((message['messageId'] ?? '') === '') message['messageId'] = newId();
  if (body.call !== 'batch') message['type'] ??= body.call;
  return message;
}

function isoTime(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
