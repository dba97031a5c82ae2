import type { Identifier, TaggedEvent } from '../../schemas/generated/types.ts';

const minute = 60_000;
const user: Identifier = { kind: 'user_id', value: 'u' };
/** For tests: identifiers of the customer on a device. */
export const on = (device: string): Identifier[] => [user, { kind: 'anonymous_id', value: device }];

/** For tests: an event some minutes after the epoch. */
export function event(
  messageId: string,
  minutes: number,
  identifiers: Identifier[],
  more: Partial<TaggedEvent> = {},
): TaggedEvent {
  const at = minutes * minute;
  return {
    messageId,
    source: 'site',
    type: 'track',
    event: 'Looked Around',
    occurredAt: at,
    receivedAt: at,
    asOf: null,
    identifiers,
    properties: '{}',
    traits: '{}',
    context: '{}',
    flags: [],
    mode: 'live',
    origin: { topic: 'events.raw', partition: 0, offset: 0 },
    ...more,
  };
}
/** For tests. */
export const login = (id: string, minutes: number, device: string, address?: unknown): TaggedEvent =>
  event(id, minutes, on(device), {
    type: 'identify',
    event: 'Identify',
    traits: JSON.stringify(address === undefined ? {} : { address }),
  });
/** For tests. */
export const changed = (id: string, minutes: number, device: string): TaggedEvent =>
  event(id, minutes, on(device), { event: 'address_changed' });
