import { isUtf8 } from 'node:buffer';
import { isJsonObject, type SegmentMessage, type SegmentType } from '../../../schemas/segment-message.ts';
import { findHostile } from './check-message.ts';
import type { GatewayLimits } from './limits.ts';
import { isRefusal, refuse, type Refusal } from './refusal.ts';
import { type Piece, scanObject, type ScanProblem } from './scan-json.ts';

/** What a path asks for: one message of a type, or many. */
export type Call = SegmentType | 'batch';

/** A body that is in one piece, its events not yet looked at. */
export interface OpenBody {
  readonly call: Call;
  readonly bytes: Buffer;
  readonly events: readonly Piece[];
  readonly writeKey: string | undefined;
  /** Of the batch, for each of its events. */
  readonly context: SegmentMessage;
  readonly integrations: SegmentMessage;
  readonly sentAt: unknown;
}

const none: SegmentMessage = Object.freeze({});

/** Finds the events of a body and what its batch says for all of them; refuses what is no such body or beyond its limits. */
export function openBody(call: Call, bytes: Buffer, limits: GatewayLimits): OpenBody | Refusal {
  if (bytes.length === 0) return refuse(400, 'empty_body', 'the body is empty; a JSON object is expected');
  const scan = scanObject(bytes, { members: limits.eventKeys, elements: limits.eventsPerBatch });
  if (typeof scan === 'string') return refuseScan(scan, limits);
  const { members, batch } = scan;
  const writeKey = text(bytes, members.get('writeKey'));
  if (call !== 'batch') {
    const pieces = [...members.values()];
    const whole = {
      start: 0,
      end: bytes.length,
      depth: 1 + Math.max(0, ...pieces.map(({ depth }) => depth)),
      keys: pieces.reduce((sum, { keys }) => sum + keys, members.size),
    };
    return { call, bytes, events: [whole], writeKey, context: none, integrations: none, sentAt: undefined };
  }
  if (batch === undefined) return refuse(400, 'invalid_batch', 'batch: must be an array of events');
  const context = shared(bytes, 'context', members.get('context'), limits);
  if (isRefusal(context)) return context;
  const integrations = shared(bytes, 'integrations', members.get('integrations'), limits);
  if (isRefusal(integrations)) return integrations;
  return { call, bytes, events: batch, writeKey, context, integrations, sentAt: text(bytes, members.get('sentAt')) };
}

/** The value of a piece, or undefined when it is not valid JSON in UTF-8. */
export function parsePiece(bytes: Buffer, { start, end }: Piece): { readonly value: unknown } | undefined {
  const part = bytes.subarray(start, end);
  if (!isUtf8(part)) return undefined;
  try {
    return { value: JSON.parse(part.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

function text(bytes: Buffer, piece: Piece | undefined): string | undefined {
  const short = piece !== undefined && piece.end - piece.start <= 1024 ? parsePiece(bytes, piece)?.value : undefined;
  return typeof short === 'string' ? short : undefined;
}

function shared(
  bytes: Buffer,
  name: 'context' | 'integrations',
  piece: Piece | undefined,
  limits: GatewayLimits,
): SegmentMessage | Refusal {
  if (piece === undefined) return none;
  if (piece.end - piece.start > limits.eventBytes) {
    return refuse(413, 'batch_too_large', `${name}: larger than ${limits.eventBytes} bytes`);
  }
  if (piece.depth >= limits.eventDepth)
    return refuse(400, 'invalid_batch', `${name}: nested deeper than ${limits.eventDepth} levels`);
  if (piece.keys > limits.eventKeys) return refuse(400, 'invalid_batch', `${name}: more than ${limits.eventKeys} keys`);
  const parsed = parsePiece(bytes, piece);
  if (parsed === undefined) return refuse(400, 'invalid_batch', `${name}: is not valid JSON`);
  const { value } = parsed;
  if (value === null || (Array.isArray(value) && value.length === 0)) return none;
  if (!isJsonObject(value)) return refuse(400, 'invalid_batch', `${name}: must be an object`);
  const hostile = findHostile({ [name]: value });
  return hostile === undefined ? value : refuse(400, 'invalid_batch', `${name}: ${hostile.message}`);
}

function refuseScan(found: ScanProblem, limits: GatewayLimits): Refusal {
  const refusals: Readonly<Record<ScanProblem, () => Refusal>> = {
    'not-an-object': () => refuse(400, 'invalid_body', 'the body must be a JSON object, as such or compressed by gzip'),
    malformed: () => refuse(400, 'invalid_body', 'the body is not valid JSON'),
    'too-many-members': () => refuse(400, 'invalid_body', `the body has more than ${limits.eventKeys} keys`),
    'too-many-elements': () => refuse(413, 'batch_too_large', `batch: more than ${limits.eventsPerBatch} events`),
  };
  return refusals[found]();
}
