import type { Identifier } from './generated/types.ts';

/** The calls of the Segment specification. */
export const segmentTypes = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;
export type SegmentType = (typeof segmentTypes)[number];

/** A call as an SDK sends it; nothing about its fields is known yet. */
export type SegmentMessage = Readonly<Record<string, unknown>>;

/** Identifier kinds with a meaning of their own, the best first: the first that a message has is its primary identifier. */
export const identifierKinds = ['user_id', 'email', 'phone', 'anonymous_id', 'device_id'] as const;

/** The longest identifier that is used, in characters. */
export const maxIdentifierLength = 512;

/** Values that programs write when they know nobody. As identifiers they would join strangers. Compared in lower case. */
const nobody: ReadonlySet<string> = new Set(
  '|null|undefined|anonymous|unknown|guest|none|nil|nan|n/a|true|false|-1|[object object]|{}|[]'.split('|'),
);
const onlyZeros = /^[0\s.:_-]+$/;

/** Whether a call has this name. */
export function isSegmentType(value: unknown): value is SegmentType {
  return segmentTypes.some((type) => type === value);
}

/** A JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value of an identifier as it is compared: trimmed, e-mail in lower case; numbers as their digits. Undefined when it
 * names nobody: not a string or exact integer, empty, too long, a placeholder, all zeros, or an e-mail without an address's form.
 */
export function normaliseIdentifier(kind: string, value: unknown): string | undefined {
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) return undefined;
  const trimmed = String(value).trim();
  if (trimmed.length > maxIdentifierLength || !trimmed.isWellFormed()) return undefined;
  const lower = trimmed.toLowerCase();
  if (nobody.has(lower) || onlyZeros.test(lower)) return undefined;
  if (kind !== 'email') return trimmed;
  return isAddress(lower) ? lower : undefined;
}

/**
 * Every identifier that a message carries, normalised, each once, by priority of kind. External ids follow those of known
 * kind; their type is their kind. The `previousId` of an alias or identify is an anonymous id, or, where the message names its
 * anonymous id apart, a user id. Traits of a group are the group's and name nobody.
 */
export function identifiersOf(message: SegmentMessage): readonly Identifier[] {
  const context = objectAt(message, 'context');
  const people = [
    ...(message['type'] === 'group' ? [] : [objectAt(message, 'traits')]),
    objectAt(context, 'traits'),
    ...(message['type'] === 'group' ? [] : [objectAt(message, 'properties')]),
  ];
  const found: Identifier[] = [];
  const add = (kind: string, raw: unknown): void => {
    const value = normaliseIdentifier(kind, raw);
    if (value !== undefined && !found.some((one) => one.kind === kind && one.value === value)) found.push({ kind, value });
  };
  add('user_id', message['userId']);
  for (const facts of people) add('email', facts['email']);
  for (const facts of people) add('phone', facts['phone']);
  add('anonymous_id', message['anonymousId']);
  add('device_id', objectAt(context, 'device')['id']);
  if (message['type'] === 'alias' || message['type'] === 'identify') add(kindOfPreviousId(message), message['previousId']);
  for (const [kind, id] of externalIds(context)) add(kind, id);
  return found.sort((a, b) => priority(a.kind) - priority(b.kind));
}

/** The first of `identifiersOf`: it gives a record its key. */
export function primaryIdentifier(message: SegmentMessage): Identifier | undefined {
  return identifiersOf(message)[0];
}

const none: SegmentMessage = Object.freeze({});

function objectAt(of: SegmentMessage, field: string): SegmentMessage {
  const value = of[field];
  return isJsonObject(value) ? value : none;
}

function priority(kind: string): number {
  const at = (identifierKinds as readonly string[]).indexOf(kind);
  return at === -1 ? identifierKinds.length : at;
}

function isAddress(value: string): boolean {
  const at = value.lastIndexOf('@');
  return at > 0 && at < value.length - 1 && !/\s/.test(value);
}

function kindOfPreviousId(message: SegmentMessage): 'user_id' | 'anonymous_id' {
  const own = normaliseIdentifier('anonymous_id', message['anonymousId']);
  return own !== undefined && own !== normaliseIdentifier('anonymous_id', message['previousId']) ? 'user_id' : 'anonymous_id';
}

/** `context.externalIds` of Segment or `context.externalId` of RudderStack; ids of other things than users are left out. */
function externalIds(context: SegmentMessage): readonly (readonly [kind: string, id: unknown])[] {
  const list = context['externalIds'] ?? context['externalId'];
  if (!Array.isArray(list)) return [];
  return list.filter(isJsonObject).flatMap(({ id, type, collection }) => {
    const kind = typeof type === 'string' ? type.trim().toLowerCase() : '';
    const ofUser = collection === undefined || collection === null || collection === 'users';
    return ofUser && /^[a-z][a-z0-9_.-]{0,63}$/.test(kind) ? [[kind, id] as const] : [];
  });
}
