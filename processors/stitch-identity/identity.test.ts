import { describe, expect, it } from '@jest/globals';
import { compileIdentity, defaultIdentity, isBlocked, ruleOf } from './identity.ts';

describe('identity.yaml', () => {
  it('changes what it names and leaves the rest as it is without a file', () => {
    const rules = compileIdentity({
      kinds: {
        email: { limit: 3, blocked: ['Desk@Shop.example'] },
        loyalty_card: { priority: 90, limit: 1 },
        device_id: { moving: false },
      },
      remember: '1d',
      max_neighbours: 50,
    });
    expect(ruleOf(rules, 'email')).toMatchObject({ priority: 80, limit: 3, moving: false });
    expect(ruleOf(rules, 'loyalty_card')).toMatchObject({ priority: 90, limit: 1, moving: false });
    expect(ruleOf(rules, 'device_id').moving).toBe(false);
    expect(ruleOf(rules, 'user_id')).toEqual(ruleOf(defaultIdentity, 'user_id'));
    expect(rules).toMatchObject({ rememberMs: 86_400_000, maxNeighbours: 50, maxEdges: 1000 });
  });

  it('limits how many values a customer may have, also of those first linked within a time', () => {
    const rules = compileIdentity({ kinds: { email: { limit: { count: 2, within: '30d' } }, phone: { limit: null } } });
    expect(ruleOf(rules, 'email')).toMatchObject({ limit: 2, withinMs: 30 * 86_400_000 });
    expect(ruleOf(rules, 'phone')).toMatchObject({ limit: null, withinMs: null });
    expect(() => compileIdentity({ kinds: { email: { limit: { count: 2 } } } })).toThrow('within');
  });

  it('is optional in every field', () => {
    expect(compileIdentity({})).toEqual(defaultIdentity);
  });

  it('blocks its values in any case, besides the usual ones', () => {
    const rules = compileIdentity({ kinds: { email: { blocked: ['desk@shop.example'] } } });
    expect(isBlocked(rules, 'email', ' DESK@shop.example')).toBe(true);
    expect(isBlocked(rules, 'email', 'test@test.com')).toBe(true);
    expect(isBlocked(rules, 'email', 'ann@shop.example')).toBe(false);
    expect(isBlocked(rules, 'user_id', 'desk@shop.example')).toBe(false);
  });

  it('names the field that does not fit', () => {
    expect(() => compileIdentity({ kinds: { email: { limit: 0 } } })).toThrow('How many different values one customer may have');
    expect(() => compileIdentity({ kinds: { email: { limits: 1 } } })).toThrow(
      'unknown field, expected one of priority, limit, moving, normalise, blocked, blocked_patterns',
    );
    expect(() => compileIdentity({ remember: 'a week' })).toThrow('expected How long message ids are remembered');
    expect(() => compileIdentity({ kinds: { 'e mail': {} } })).toThrow('without spaces');
  });
});
