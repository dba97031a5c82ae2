import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { identifiersOf, normaliseIdentifier, primaryIdentifier } from './segment-message.ts';

const kinds = (message: Record<string, unknown>) => identifiersOf(message).map(({ kind, value }) => `${kind}=${value}`);

describe('identifiers of a Segment message', () => {
  it('come in the order of their kinds, wherever they lie in the message', () => {
    const message = {
      type: 'track',
      anonymousId: 'a-1',
      properties: { email: 'Second@Shop.example', phone: '+49 30 123' },
      context: { device: { id: 'd-1' }, traits: { email: ' First@Shop.example ' } },
      userId: 'u-1',
    };
    expect(kinds(message)).toEqual([
      'user_id=u-1',
      'email=first@shop.example',
      'email=second@shop.example',
      'phone=+49 30 123',
      'anonymous_id=a-1',
      'device_id=d-1',
    ]);
  });

  it('give the user id the first place, then the e-mail, then the anonymous id', () => {
    expect(primaryIdentifier({ userId: 'u', traits: { email: 'a@b.example' }, anonymousId: 'x' })).toEqual({
      kind: 'user_id',
      value: 'u',
    });
    expect(primaryIdentifier({ userId: null, traits: { email: 'A@b.example' }, anonymousId: 'x' })?.value).toBe('a@b.example');
    expect(primaryIdentifier({ userId: null, anonymousId: 'x' })).toEqual({ kind: 'anonymous_id', value: 'x' });
    expect(primaryIdentifier({ event: 'Nobody' })).toBeUndefined();
  });

  it.each([
    '',
    '  ',
    'null',
    'NULL',
    'undefined',
    'anonymous',
    '0',
    '000',
    '00000000-0000-0000-0000-000000000000',
    '[object Object]',
  ])('leave out the placeholder %p', (userId) => {
    expect(kinds({ userId, anonymousId: userId, context: { device: { id: userId } } })).toEqual([]);
  });

  it('take exact integers as their digits and refuse numbers that have lost some', () => {
    expect(kinds({ userId: 17850 })).toEqual(['user_id=17850']);
    expect(kinds({ userId: 2 ** 53 })).toEqual([]);
    expect(kinds({ userId: 1.5, anonymousId: true })).toEqual([]);
    expect(kinds({ userId: 0 })).toEqual([]);
  });

  it('take external ids of users by their type and leave out those of other things', () => {
    const externalIds = [
      { id: 'C9', type: 'Loyalty.Card', collection: 'users' },
      { id: 'x@y.example', type: 'email' },
      { id: 'acme', type: 'group_id', collection: 'accounts' },
      { id: 'q', type: 'not a kind' },
      'nonsense',
    ];
    expect(kinds({ anonymousId: 'a', context: { externalIds } })).toEqual([
      'email=x@y.example',
      'anonymous_id=a',
      'loyalty.card=C9',
    ]);
    expect(kinds({ context: { externalId: [{ id: '7', type: 'crm' }] } })).toEqual(['crm=7']);
  });

  it('take the previous id of an alias as anonymous, unless the message names its anonymous id apart', () => {
    expect(kinds({ type: 'alias', userId: 'u', previousId: 'a' })).toEqual(['user_id=u', 'anonymous_id=a']);
    expect(kinds({ type: 'alias', userId: 'u', previousId: 'a', anonymousId: 'a' })).toEqual(['user_id=u', 'anonymous_id=a']);
    expect(kinds({ type: 'alias', userId: 'u', previousId: 'old', anonymousId: 'a' })).toEqual([
      'user_id=u',
      'user_id=old',
      'anonymous_id=a',
    ]);
    expect(kinds({ type: 'identify', userId: 'u', previousId: 'a' })).toEqual(['user_id=u', 'anonymous_id=a']);
    expect(kinds({ type: 'track', userId: 'u', previousId: 'a' })).toEqual(['user_id=u']);
  });

  it('do not take the e-mail of a group for that of its member', () => {
    expect(kinds({ type: 'group', groupId: 'g', userId: 'u', traits: { email: 'office@acme.example' } })).toEqual(['user_id=u']);
  });

  it('never throw and never repeat, whatever the message holds', () => {
    const loose = fc.dictionary(
      fc.constantFrom(
        'type',
        'userId',
        'anonymousId',
        'previousId',
        'traits',
        'context',
        'properties',
        'email',
        'externalIds',
        'device',
        'id',
      ),
      fc.jsonValue({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(fc.record({ context: loose, traits: loose, userId: fc.jsonValue() }), loose, (message, more) => {
        const found = identifiersOf({ ...message, ...more });
        expect(new Set(found.map(({ kind, value }) => `${kind}\0${value}`)).size).toBe(found.length);
        for (const { kind, value } of found) expect(normaliseIdentifier(kind, value)).toBe(value);
      }),
    );
  });
});
