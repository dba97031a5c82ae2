import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, property, record, string } from 'fast-check';
import { compileValues, defaultValues, isBlockedValue, readIdentifier } from './identifier-rules.ts';

describe('a value as it is compared', () => {
  it('is trimmed, of an e-mail address in lower case, of a phone number E.164, without any rules', () => {
    const read = (kind: string, value: unknown) => readIdentifier(defaultValues, kind, value);
    expect(read('user_id', ' Ada ')).toBe('Ada');
    expect(read('email', ' Ada.L+shop@Shop.Example')).toBe('ada.l+shop@shop.example');
    expect(read('phone', '0044 20 7946 0000')).toBe('+442079460000');
    expect([
      read('phone', '020 7946 0000'),
      read('user_id', 'null'),
      read('user_id', '0000-0000'),
      read('email', 'none'),
    ]).toEqual(Array(4).fill(undefined));
  });

  it('leaves out what the rules say, everywhere or for some domains', () => {
    const rules = compileValues({ email: { normalise: { ignore_dots: ['gmail.com'], ignore_tag: true } } });
    expect(readIdentifier(rules, 'email', 'A.d.a+news@gmail.com')).toBe('ada@gmail.com');
    expect(readIdentifier(rules, 'email', 'A.d.a+news@shop.example')).toBe('a.d.a@shop.example');
    expect(readIdentifier(rules, 'email', '+@gmail.com')).toBe('+@gmail.com');
  });

  it('may be of any case, of a country, or a hash that is compared with those that come as one', () => {
    const rules = compileValues({
      user_id: { normalise: { lower_case: true } },
      phone: { normalise: { country: 'GB' } },
      email: { normalise: { hash: true } },
    });
    expect(readIdentifier(rules, 'user_id', 'ADA')).toBe('ada');
    expect(readIdentifier(rules, 'phone', '020 7946 0000')).toBe('+442079460000');
    const hash = readIdentifier(rules, 'email', 'Ada@Shop.example');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(readIdentifier(compileValues({ hem: { normalise: { hash: true } } }), 'hem', hash?.toUpperCase())).toBe(hash);
  });

  it('names nobody where it is blocked, before or after it was brought to one form', () => {
    const rules = compileValues({
      email: {
        normalise: { ignore_tag: true },
        blocked: ['Desk@Shop.example'],
        blocked_patterns: ['.*@test\\.example', 'test\\d+@.*'],
      },
    });
    for (const value of ['desk+7@shop.example', 'Ada@TEST.example', 'Test12@shop.example', 'test@test.com'])
      expect(readIdentifier(rules, 'email', value)).toBeUndefined();
    expect(readIdentifier(rules, 'email', 'ada@test.example.org')).toBe('ada@test.example.org');
    expect(isBlockedValue(rules, 'user_id', 'desk@shop.example')).toBe(false);
  });

  it('is the same when it is read once more', () => {
    const rules = compileValues({
      email: { normalise: { ignore_dots: true, ignore_tag: true } },
      phone: { normalise: { country: 'DE' } },
      card: { normalise: { lower_case: true, hash: true } },
    });
    const text = string({ unit: constantFrom('a', 'B', '.', '+', '@', '0', '4', '9', ' ', 'x') });
    assert(
      property(record({ kind: constantFrom('email', 'phone', 'card', 'user_id'), value: text }), ({ kind, value }) => {
        const once = readIdentifier(rules, kind, value);
        if (once !== undefined) expect(readIdentifier(rules, kind, once)).toBe(once);
      }),
    );
  });

  it('has rules that can be compiled, or the field is named', () => {
    expect(() => compileValues({ email: { blocked_patterns: ['('] } })).toThrow('expected a regular expression (RE2)');
    expect(() => compileValues({ phone: { normalise: { country: 'XX' } } })).toThrow('expected a country as DE, found "XX"');
  });
});
