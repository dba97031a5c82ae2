import { instantForm } from '../../../schemas/instant.ts';
import {
  identifiersOf,
  isJsonObject,
  isSegmentType,
  maxIdentifierLength,
  type SegmentMessage,
  segmentTypes,
} from '../../../schemas/segment-message.ts';
import type { KnownSource } from './write-keys.ts';

/** Why an event is not taken; a closed set, for metrics. */
export type RejectReason =
  | 'not_json'
  | 'not_an_object'
  | 'too_large'
  | 'too_deep'
  | 'too_many_keys'
  | 'forbidden_key'
  | 'invalid_field'
  | 'no_identifier';

/** What is wrong with an event. Names the field and what was expected, never a value. `field` is empty for the event as a whole. */
export interface Problem {
  readonly reason: RejectReason;
  readonly field: string;
  readonly message: string;
}

export function problem(reason: RejectReason, field: string, message: string): Problem {
  return { reason, field, message };
}

/** Fields whose names may be repeated in answers; other names are the sender's and may hold anything. */
const fieldNames = new Set(
  'type event name category userId anonymousId previousId groupId messageId timestamp originalTimestamp sentAt channel version'
    .split(' ')
    .concat('properties', 'traits', 'context', 'integrations', 'options', '_metadata', 'writeKey'),
);
const objects = ['properties', 'traits', 'context', 'integrations'] as const;
const ids = ['userId', 'anonymousId', 'previousId', 'groupId'] as const;
const times = ['timestamp', 'originalTimestamp'] as const;

/**
 * Checks a message that has its type, its context and its message id, against what the specification demands of its call.
 * What only the source's own transform can know is left to it. Undefined when all is well.
 */
export function checkMessage(message: SegmentMessage, source: KnownSource): Problem | undefined {
  const invalid = (field: string, expected: string): Problem => problem('invalid_field', field, expected);
  const { type, event, groupId, messageId } = message;
  if (!isSegmentType(type)) return invalid('type', `must be one of ${segmentTypes.join(', ')}`);
  if (type === 'track' && (typeof event !== 'string' || event.trim() === '')) {
    return invalid('event', 'must be the name of the event, a string that is not empty');
  }
  for (const field of ids) {
    const value = message[field] ?? '';
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      return invalid(field, 'is a number that loses digits; send it as a string');
    if (typeof value !== 'number' && typeof value !== 'string') return invalid(field, 'must be a string');
    if (String(value).length > maxIdentifierLength) return invalid(field, `must have at most ${maxIdentifierLength} characters`);
  }
  if (type === 'group' && (groupId ?? '') === '') return invalid('groupId', 'must be the id of the group');
  for (const field of objects) {
    if ((message[field] ?? null) !== null && !isJsonObject(message[field])) return invalid(field, 'must be an object');
  }
  for (const field of times) {
    const value = message[field] ?? null;
    if (value !== null && source.parseInstant(value) === undefined) return invalid(field, `must be ${instantForm}`);
  }
  if (typeof messageId !== 'string' || messageId.length > maxIdentifierLength) {
    return invalid('messageId', `must be a string of at most ${maxIdentifierLength} characters`);
  }
  if (identifiersOf(message).length > 0) return undefined;
  return problem('no_identifier', 'userId', 'userId or anonymousId must name somebody; they are missing or placeholders');
}

/**
 * The first member that holds what could change objects other than itself (a `__proto__` key, a `constructor` with a
 * `prototype`) or a number beyond a double, at any depth. To be called on what lies within the limit of depth.
 */
export function findHostile(message: SegmentMessage): Problem | undefined {
  for (const [name, value] of Object.entries(message)) {
    const field = fieldNames.has(name) ? name : '';
    if (isForbidden(name, value)) return forbidden(field);
    const found = inspect(value);
    if (found === 'forbidden') return forbidden(field);
    if (found === 'infinite') return problem('invalid_field', field, 'holds a number that is too large');
  }
  return undefined;
}

function forbidden(field: string): Problem {
  return problem('forbidden_key', field, 'must not hold a key __proto__ or constructor.prototype');
}

function isForbidden(name: string, value: unknown): boolean {
  return name === '__proto__' || (name === 'constructor' && isJsonObject(value) && Object.hasOwn(value, 'prototype'));
}

function inspect(value: unknown): 'forbidden' | 'infinite' | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'infinite';
  if (typeof value !== 'object' || value === null) return undefined;
  const isList = Array.isArray(value);
  for (const [name, inner] of Object.entries(value)) {
    if (!isList && isForbidden(name, inner)) return 'forbidden';
    const found = inspect(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
