import type { Rejected } from '../../../runtime/record.ts';
import { topics } from '../../../schemas/topics.ts';
import type { Call } from './open-body.ts';
import type { RefusedEvent } from './read-events.ts';

/** One line of an answer about an event that was not taken. */
export interface RejectedLine {
  readonly index: number;
  readonly field: string;
  readonly message: string;
}

/** Where and why, as `batch[3].userId must be a string`, without anything that the sender wrote. */
export function sentence(event: RefusedEvent, call: Call): string {
  const place = call === 'batch' ? `batch[${event.index}]` : '';
  const field = [place, event.field].filter((part) => part !== '').join('.');
  return `${field === '' ? 'the event' : field} ${event.message}`;
}

export function rejectedLine({ index, field, message }: RefusedEvent): RejectedLine {
  return { index, field, message };
}

/** The most bytes of a refused event that are kept. */
const keptBytes = 256 * 1024;

/** What goes to the rejected topic: the event's bytes as they came, but for write keys, which are blanked out. */
export function* rejectedRecords(
  events: readonly RefusedEvent[],
  call: Call,
  source: string,
  receivedAt: number,
): Generator<Rejected, void, void> {
  for (const event of events) yield rejectedRecord(event, call, source, receivedAt);
}

function rejectedRecord(event: RefusedEvent, call: Call, source: string, receivedAt: number): Rejected {
  const cut = event.bytes.length > keptBytes ? ` (cut from ${event.bytes.length} to ${keptBytes} bytes)` : '';
  return {
    topic: topics.eventsRaw.name,
    partition: -1,
    offset: -1,
    processor: 'gateway',
    step: event.reason === 'not_json' || event.reason === 'not_an_object' ? 'decode' : 'validate',
    reason: sentence(event, call) + cut,
    source,
    key: null,
    value: withoutWriteKey(event.bytes.subarray(0, keptBytes)),
    headers: { source: Buffer.from(source), 'received-at': Buffer.from(String(receivedAt)), call: Buffer.from(call) },
    timestamp: receivedAt,
    rejectedAt: receivedAt,
  };
}

function withoutWriteKey(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/("writeKey"\s*:\s*")[^"]*"/g, '$1"'), 'latin1');
}
