import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isAddress, isHeaderText } from './address.ts';

describe('isAddress', () => {
  it.each(['ada@example.com', 'a.b+c@mail.example.co.uk', "o'neil@example.org", 'x_1@xn--bcher-kva.example'])(
    'takes %s',
    (address) => {
      expect(isAddress(address)).toBe(true);
    },
  );

  it.each([
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@example..com',
    '.ada@example.com',
    'a..b@example.com',
    'ada@-example.com',
    'ada@192.168.0.1',
    'ada@[127.0.0.1]',
    '"ada"@example.com',
    'Ada <ada@example.com>',
    'ada@example.com,eve@example.com',
    'ada@example.com eve@example.com',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@exämple.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a.'.repeat(130)}com`,
  ])('refuses %j', (address) => {
    expect(isAddress(address)).toBe(false);
  });

  it('never takes white space, control characters, brackets or a second at-sign', () => {
    const hostile = fc.constantFrom('\r', '\n', '\0', '\u2028', ' ', '\t', '<', '>', ',', ';', ':', '"', '(', '@', '\\');
    const address = fc.tuple(
      fc.constantFrom('ada', 'ada@example', 'ada@example.com'),
      hostile,
      fc.constantFrom('', 'x', '.com', 'x@example.com'),
    );
    fc.assert(fc.property(address, ([a, char, b]) => !isAddress(a + char + b) || (char === '@' && a === 'ada')));
  });
});

describe('isHeaderText', () => {
  it('refuses every kind of line break and control character', () => {
    for (const char of ['\r', '\n', '\0', '\u0085', '\u2028', '\u2029', '\u007f', '\t'])
      expect(isHeaderText(`a${char}b`)).toBe(false);
    expect(isHeaderText('Grüße, 東京 — 20 % off')).toBe(true);
  });
});
