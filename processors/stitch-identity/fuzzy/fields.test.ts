import { describe, expect, it } from '@jest/globals';
import { assert, property, string } from 'fast-check';
import { addressOf, comparePlace, compareStreet } from './address.ts';
import { birthOf, compareBirth } from './birth.ts';
import { edits, jaroWinkler } from './similarity.ts';

describe('a date of birth', () => {
  it.each([
    ['1990-08-20', '19900820'],
    ['19900820', '19900820'],
    ['8/20/1990', '19900820'],
    ['20/8/1990', '19900820'],
    ['20-Aug-90', '..900820'],
    ['August 20, 1990', '19900820'],
    ['soon', null],
    ['1990-13-40', null],
  ])('is read from %s', (text, birth) => {
    expect(birthOf(text)).toBe(birth);
  });

  it.each([
    ['19900820', '..900820', 'exact'],
    ['19900807', '19900708', 'near'],
    ['19900820', '19900802', 'near'],
    ['19900820', '19910820', 'near'],
    ['19900820', '19570820', 'part'],
    ['19900820', '19621103', 'different'],
  ])('%s and %s are %s', (a, b, level) => {
    expect([compareBirth(a, b), compareBirth(b, a)]).toEqual([level, level]);
  });
});

describe('an address', () => {
  const parts = addressOf({ number: '12', street: 'Mill Lane', city: 'Norwich', postcode: 'NR1 2AB' });
  it.each([
    ['12 Mill Ln., Norwich, 10115', 'exact', 'near'],
    ['Flat 3, 12 N Mill Lane', 'exact', undefined],
    ['Mill Lane, Norwich', 'near', 'near'],
    ['88 Mill Lane, Leeds', 'street', 'different'],
    ['7 High Street Norwich', 'different', 'near'],
  ])('as %s is compared by its words', (line, street, place) => {
    const other = addressOf({ street: line });
    expect(parts && other && [compareStreet(parts, other), comparePlace(parts, other)]).toEqual([street, place]);
  });

  it('may be missing', () => {
    expect(addressOf({})).toBeNull();
  });
});

describe('the similarity of words', () => {
  it('counts slips of the hand, neighbours swapped as one', () => {
    expect([edits('maria', 'maira'), edits('maria', 'mario'), edits('maria', ''), edits('', '')]).toEqual([1, 1, 5, 0]);
    expect(jaroWinkler('martha', 'marhta')).toBeCloseTo(0.9611, 4);
    expect(jaroWinkler('dixon', 'dicksonx')).toBeCloseTo(0.8133, 4);
  });

  it('is the same from both sides, and none between words without a letter in common', () => {
    assert(
      property(string(), string(), (a, b) => {
        expect(edits(a, b)).toBe(edits(b, a));
        expect(jaroWinkler(a, b)).toBeCloseTo(jaroWinkler(b, a), 9);
        expect(edits(a, a)).toBe(0);
      }),
    );
  });
});
