import type { SourceConfig } from '../../schemas/config.ts';
import { defaultValues, type ValueRules } from '../../schemas/identifier-rules.ts';
import { instantForm, instantParser } from '../../schemas/instant.ts';
import {
  identifiersOf,
  isJsonObject,
  isSegmentType,
  maxIdentifierLength,
  segmentTypes,
  type SegmentMessage,
} from '../../schemas/segment-message.ts';
import { eventNameOf } from '../../schemas/source-schema.ts';
import { normalise } from './identifiers.ts';
import { invalid, type Outcome } from './outcome.ts';

/** Reads records that are calls of the Segment specification. */
export function callReader(source: SourceConfig, values: ValueRules = defaultValues): (record: unknown) => Outcome {
  const parse = instantParser(source.timezone);
  return (record) => {
    if (!isJsonObject(record)) return invalid('record', 'a JSON object, a call of the Segment specification');
    const { type, messageId, timestamp, originalTimestamp } = record;
    if (!isSegmentType(type)) return invalid('type', `one of ${segmentTypes.join(', ')}`);
    const event = type === 'track' ? record['event'] : eventNameOf(type);
    if (typeof event !== 'string' || event.trim() === '') return invalid('event', 'the name of the event, a text');
    if (isGiven(messageId) && !isMessageId(messageId))
      return invalid('messageId', `a text of up to ${maxIdentifierLength} characters`);
    const parts = { properties: record['properties'], traits: record['traits'], context: record['context'] };
    for (const [field, value] of Object.entries(parts))
      if (isGiven(value) && !isJsonObject(value)) return invalid(field, 'an object');
    const context = objectOr(parts.context);

    // A relay in between keeps the device's time as originalTimestamp and puts its own correction into timestamp.
    const [occurredAt, deviceAt] = [parse(timestamp ?? originalTimestamp), parse(originalTimestamp ?? timestamp)];
    if (isGiven(timestamp) && occurredAt === undefined) return invalid('timestamp', instantForm);
    if (isGiven(originalTimestamp) && deviceAt === undefined) return invalid('originalTimestamp', instantForm);
    const asOf = parse(context['asOf']);
    if (isGiven(context['asOf']) && asOf === undefined) return invalid('context.asOf', instantForm);

    const { identifiers, ignored } = normalise(identifiersOf(record), values);
    if (identifiers.length === 0) return invalid('userId, anonymousId', 'an identifier of the customer in at least one of them');
    return {
      kind: 'event',
      draft: {
        type,
        event,
        messageId: typeof messageId === 'string' && messageId !== '' ? messageId : null,
        occurredAt: occurredAt ?? null,
        deviceAt: deviceAt ?? null,
        asOf: asOf ?? null,
        identifiers,
        ignored,
        properties: propertiesOf(type, record),
        traits: traitsOf(type, record),
        context,
      },
    };
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
const isMessageId = (value: unknown): boolean => typeof value === 'string' && value.length <= maxIdentifierLength;
const objectOr = (value: unknown): SegmentMessage => (isJsonObject(value) ? value : {});

/** Name and category of a page or screen, and the id of a group, stand beside the properties of the call. */
function propertiesOf(type: string, record: SegmentMessage): object {
  const properties = objectOr(record['properties']);
  const beside = type === 'page' || type === 'screen' ? ['name', 'category'] : type === 'group' ? ['groupId'] : [];
  const more = beside.filter((field) => isGiven(record[field]) && properties[field] === undefined);
  return more.length === 0 ? properties : { ...properties, ...Object.fromEntries(more.map((field) => [field, record[field]])) };
}

/** Of the customer, wherever the call tells them; of a group call those of the group. */
function traitsOf(type: string, record: SegmentMessage): object {
  if (type === 'group') return objectOr(record['traits']);
  return { ...objectOr(objectOr(record['context'])['traits']), ...objectOr(record['traits']) };
}
