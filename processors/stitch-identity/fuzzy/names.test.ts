import { describe, expect, it } from '@jest/globals';
import { compareFamily, compareGiven, nameOf } from './names.ts';
import { nicknamesOf } from './nicknames.ts';

const nicknames = nicknamesOf([['katarzyna', 'kasia']]);
const given = (a: string, b: string): string | undefined => compareGiven(a.split(' '), b.split(' '), nicknames);
const family = (a: string, b: string): string | undefined => compareFamily(a.split(' '), b.split(' '));

describe('a name', () => {
  it('is read from its parts or from a full name in either order', () => {
    const read = { given: ['zoe', 'm'], family: ['oneil'], generation: null };
    expect(nameOf({ given: 'Zoë M.', family: "O'Neil" })).toEqual(read);
    expect(nameOf({ full: 'Mrs Zoe M O’Neil' })).toEqual(read);
    expect(nameOf({ full: "O'Neil, Zoe M." })).toEqual(read);
    expect(nameOf({ family: 'Hill Sr', given: 'Tom' })).toEqual({ given: ['tom'], family: ['hill'], generation: 'sr' });
    expect(nameOf({ given: ' ' })).toBeNull();
  });
});

describe('given names', () => {
  it.each([
    ['ada', 'ada', 'exact'],
    ['jonathan', 'jonathon', 'typo'],
    ['william', 'billy', 'nickname'],
    ['katarzyna', 'kasia', 'nickname'],
    ['stephen', 'stefan', 'close'],
    ['m', 'masha', 'initial'],
    ['b', 'william', 'initial'],
    ['wm', 'william', 'initial'],
    ['anna maria', 'maria', 'part'],
    ['eric', 'erica', 'close'],
    ['nora', 'paul', 'different'],
  ])('%s and %s are %s', (a, b, level) => {
    expect([given(a, b), given(b, a)]).toEqual([level, level]);
  });

  it('of other scripts cannot be compared by their letters', () => {
    expect(given('анна', 'anna')).toBeUndefined();
    expect(given('анна', 'анна')).toBe('exact');
  });
});

describe('family names', () => {
  it.each([
    ['kelley', 'kelly', 'typo'],
    ['meyer', 'maier', 'close'],
    ['garcia lopez', 'lopez', 'part'],
    ['hill', 'wood', 'different'],
  ])('%s and %s are %s', (a, b, level) => {
    expect([family(a, b), family(b, a)]).toEqual([level, level]);
  });
});
