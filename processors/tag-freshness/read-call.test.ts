import { describe, expect, it } from '@jest/globals';
import { opaqueKey } from '../../schemas/keys.ts';
import { appendedAt, site, sourceOf, tag, tagged } from './fixture.ts';

const call = { type: 'track', event: 'Product Viewed', messageId: 'm-1', anonymousId: 'a-1' };
const json = (text: string): unknown => JSON.parse(text);

describe('a call of the Segment specification', () => {
  it('becomes an event under the opaque key of its primary identifier', () => {
    const more = { userId: 'u-1', timestamp: '2024-01-02T11:59:00Z', properties: { sku: 'x' }, context: { ip: '1.2.3.4' } };
    const { events } = tag(site, { ...call, ...more }, { 'received-at': String(appendedAt - 20) });
    expect(events).toEqual([
      {
        key: opaqueKey('secret', 'user_id', 'u-1'),
        headers: { 'message-id': 'm-1', source: 'site' },
        value: {
          messageId: 'm-1',
          source: 'site',
          type: 'track',
          event: 'Product Viewed',
          occurredAt: Date.UTC(2024, 0, 2, 11, 59),
          receivedAt: appendedAt - 20,
          asOf: Date.UTC(2024, 0, 2, 11, 59),
          identifiers: [
            { kind: 'user_id', value: 'u-1' },
            { kind: 'anonymous_id', value: 'a-1' },
          ],
          properties: '{"sku":"x"}',
          traits: '{}',
          context: '{"ip":"1.2.3.4"}',
          flags: [],
          mode: 'live',
          origin: { topic: 'events.raw', partition: 1, offset: 7 },
        },
      },
    ]);
  });

  it.each([
    ['identify', 'Identify'],
    ['page', 'Page'],
    ['screen', 'Screen'],
    ['group', 'Group'],
    ['alias', 'Alias'],
  ])('of type %s is the event %s, whatever else it says', (type, event) => {
    expect(tagged(site, { ...call, type, userId: 'u' }).event).toBe(event);
  });

  it('tells traits of the customer wherever they lie, the call before its context', () => {
    const context = { traits: { name: 'Old', city: 'Ulm' } };
    expect(json(tagged(site, { ...call, type: 'identify', traits: { name: 'New' }, context }).traits)).toEqual({
      name: 'New',
      city: 'Ulm',
    });
    expect(json(tagged(site, { ...call, context }).traits)).toEqual({ name: 'Old', city: 'Ulm' });
  });

  it('tells traits of a group as those of the group', () => {
    const group = { ...call, type: 'group', groupId: 'g', traits: { name: 'Acme' }, context: { traits: { name: 'Ann' } } };
    expect(tagged(site, group)).toMatchObject({ traits: '{"name":"Acme"}', properties: '{"groupId":"g"}' });
  });

  it('has name and category of a page among the properties, unless they are there', () => {
    expect(
      json(tagged(site, { ...call, type: 'page', name: 'Home', category: 'Shop', properties: { name: 'Own' } }).properties),
    ).toEqual({
      name: 'Own',
      category: 'Shop',
    });
  });

  it('takes nulls as nothing said, as some SDKs write them', () => {
    const nulls = { userId: null, timestamp: null, properties: null, traits: null, context: null };
    expect(tagged(site, { ...call, ...nulls })).toMatchObject({ occurredAt: appendedAt, asOf: null, properties: '{}' });
  });

  it('gets an id of its place when it has none, the same each time, and is flagged', () => {
    const nameless = { ...call, messageId: undefined };
    const first = tagged(site, nameless);
    expect(first.flags).toEqual(['no-message-id']);
    expect(first.messageId).toMatch(/^[\w-]{22}$/);
    expect(tagged(site, nameless).messageId).toBe(first.messageId);
    expect(tagged(site, nameless, { 'message-id': 'from-header' })).toMatchObject({ messageId: 'from-header', flags: [] });
  });

  it('has phone numbers in international form, and leaves out those that could be several', () => {
    const traits = { phone: '0030 210 1234567', email: ' Ann@Example.COM ' };
    expect(tagged(site, { ...call, type: 'identify', traits }).identifiers).toEqual([
      { kind: 'email', value: 'ann@example.com' },
      { kind: 'phone', value: '+302101234567' },
      { kind: 'anonymous_id', value: 'a-1' },
    ]);
    const local = tag(site, { ...call, type: 'identify', traits: { phone: '0731 12345' } });
    expect(local.events[0]?.value.identifiers).toEqual([{ kind: 'anonymous_id', value: 'a-1' }]);
    expect(local.counted).toEqual(['ignored-identifier site phone']);
  });

  it('keeps a property named like a prototype as a plain property', () => {
    const { properties } = tagged(
      site,
      Buffer.from('{"type":"track","event":"E","messageId":"m","userId":"u","properties":{"constructor":1,"toString":2}}'),
    );
    expect(properties).toBe('{"constructor":1,"toString":2}');
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', [call], /^validate: record: expected a JSON object/],
    ['no JSON', Buffer.from('{'), /^decode: not JSON/],
    ['nothing', null, /^decode: empty/],
    ['a hostile key', Buffer.from('{"__proto__":{"type":"track"}}'), /^decode: a key __proto__/],
    ['an unknown type', { ...call, type: 'trak' }, /^validate: type: expected one of track, identify/],
    ['a nameless track', { ...call, event: ' ' }, /^validate: event: expected the name/],
    ['properties in a list', { ...call, properties: [] }, /^validate: properties: expected an object/],
    ['traits as text', { ...call, traits: 'x' }, /^validate: traits: expected an object/],
    ['a time in seconds', { ...call, timestamp: 1704196800 }, /^validate: timestamp: expected a time since 1970/],
    ['a time in words', { ...call, originalTimestamp: 'noon' }, /^validate: originalTimestamp: expected/],
    ['a number as message id', { ...call, messageId: 5 }, /^validate: messageId: expected a text/],
    ['a placeholder for a person', { ...call, anonymousId: 'null' }, /^validate: userId, anonymousId: expected an identifier/],
  ])('with %s is rejected with the field and what was expected', (_, value, reason) => {
    const { events, rejected } = tag(site, value);
    expect(events).toEqual([]);
    expect(rejected).toEqual([expect.stringMatching(reason)]);
  });

  it('of an undeclared source, or of one without an endpoint, is rejected', () => {
    expect(tag(site, call, { source: 'other' }).rejected).toEqual([expect.stringMatching(/^validate: header source: expected/)]);
    expect(tag(site, call, { source: 'toString' }).rejected).toHaveLength(1);
  });

  it('whose event its source does not declare is rejected', () => {
    const strict = sourceOf({ events: ['Sale', 'Identify'] });
    expect(tag(strict, { ...call, event: 'Sale' }).events).toHaveLength(1);
    expect(tag(strict, call).rejected).toEqual([
      'validate: event: expected one of those that the source declares: Sale, Identify',
    ]);
  });
});
