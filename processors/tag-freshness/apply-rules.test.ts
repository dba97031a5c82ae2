import { describe, expect, it } from '@jest/globals';
import { appendedAt, sourceOf, tag, tagged } from './fixture.ts';

const sale = { when: 'record.kind == "sale"', event: 'Sale', identifiers: { user_id: 'record.card' } };
const withRules = (...transform: object[]) => sourceOf({ transform, timezone: 'Europe/Berlin' });

describe('the rules of a source', () => {
  it('make events of records of any form', () => {
    const source = withRules({
      ...sale,
      message_id: 'record.no',
      occurred_at: 'parse_time(record.at, "dd.MM.yyyy HH:mm")',
      as_of: 'record.until',
      identifiers: { anonymous_id: 'record.?visit', email: 'record.?mail', user_id: 'record.card' },
      properties: { total: 'round(sum(record.lines.map(l, l.price * l.count)), 2)', coupon: 'record.?coupon' },
      traits: '{"branch": record.branch, "nothing": null}',
    });
    const record = {
      kind: 'sale',
      no: 4711,
      at: '02.01.2024 09:30',
      until: appendedAt - 1000,
      card: 17,
      mail: 'Ann@Example.com',
      branch: 'Ulm',
      lines: [
        { price: 1.1, count: 3 },
        { price: 2, count: 1 },
      ],
    };
    expect(tagged(source, record)).toEqual({
      messageId: '4711',
      source: 'tills',
      type: 'track',
      event: 'Sale',
      occurredAt: Date.UTC(2024, 0, 2, 8, 30),
      receivedAt: appendedAt,
      asOf: appendedAt - 1000,
      identifiers: [
        { kind: 'user_id', value: '17' },
        { kind: 'email', value: 'ann@example.com' },
      ],
      properties: '{"total":5.3}',
      traits: '{"branch":"Ulm"}',
      context: '{}',
      flags: [],
      mode: 'live',
      origin: { topic: 'raw.tills', partition: 1, offset: 7 },
    });
  });

  it('are tried in their order, and the first that fits is used', () => {
    const source = withRules({ ...sale, when: 'record.big', event: 'Big Sale' }, sale, {
      ...sale,
      when: 'true',
      event: '=record.kind',
    });
    const eventOf = (record: object): string => tagged(source, { card: 'c', ...record }).event;
    expect(eventOf({ kind: 'sale', big: true })).toBe('Big Sale');
    expect(eventOf({ kind: 'sale' })).toBe('Sale');
    expect(eventOf({ kind: 'Return' })).toBe('Return');
  });

  it('skip what is no event, counted by reason', () => {
    const source = withRules({ when: 'record.kind == "void"', skip: 'voided' }, sale);
    expect(tag(source, { kind: 'void' })).toEqual({ events: [], rejected: [], counted: ['skipped tills voided'], vouched: [] });
  });

  it('name the call without a name by its type', () => {
    expect(tagged(withRules({ type: 'identify', identifiers: sale.identifiers }), { card: 'c' })).toMatchObject({
      type: 'identify',
      event: 'Identify',
    });
    const byField = withRules({ type: '=record.type', event: '=record.?name', identifiers: sale.identifiers });
    expect(tagged(byField, { type: 'page', card: 'c' }).event).toBe('Page');
    expect(tag(byField, { type: 'track', card: 'c' }).rejected).toEqual([
      expect.stringMatching(/^validate: event: expected the name/),
    ]);
    expect(tag(byField, { type: 'buy', card: 'c' }).rejected).toEqual([
      expect.stringMatching(/^validate: type: expected one of track/),
    ]);
  });

  it.each<[string, object, object, RegExp]>([
    ['that no rule fits', sale, { kind: 'other' }, /^transform: transform: no rule fits the record$/],
    ['without a field', sale, { kind: 'sale' }, /^transform: transform: "card" in "record.card": the field is missing$/],
    ['of nobody', sale, { kind: 'sale', card: '' }, /^validate: identifiers: expected a usable value of user_id$/],
    [
      'at no time',
      { ...sale, occurred_at: 'record.at' },
      { kind: 'sale', card: 'c', at: 'noon' },
      /^validate: occurred_at: expected a time/,
    ],
    [
      'as of no time',
      { ...sale, as_of: 'record.at' },
      { kind: 'sale', card: 'c', at: true },
      /^validate: as_of: expected a time/,
    ],
    [
      'with a list of properties',
      { ...sale, properties: 'record.p' },
      { kind: 'sale', card: 'c', p: [] },
      /^validate: properties: expected an object/,
    ],
    [
      'with a message id of another type',
      { ...sale, message_id: 'record.p' },
      { kind: 'sale', card: 'c', p: [] },
      /^validate: message_id: expected/,
    ],
  ])('refuse a record %s and say why, without its data', (_, rule, record, reason) => {
    const { events, rejected } = tag(withRules(rule), record);
    expect(events).toEqual([]);
    expect(rejected).toEqual([expect.stringMatching(reason)]);
  });

  it('give a record without an id that of its header, so that a file read twice is recognised', () => {
    expect(tagged(withRules(sale), { kind: 'sale', card: 'c' }, { 'message-id': 'row-1' })).toMatchObject({
      messageId: 'row-1',
      flags: [],
    });
  });

  it('leave the clock of the sender alone: it is the source that says when things happened', () => {
    const source = withRules({ ...sale, occurred_at: 'record.at' });
    const at = appendedAt - 3_600_000;
    const sent = { 'received-at': String(appendedAt), 'sent-at': String(appendedAt - 60_000) };
    expect(tagged(source, { kind: 'sale', card: 'c', at }, sent).occurredAt).toBe(at);
  });
});
