import { describe, expect, it } from '@jest/globals';
import { group } from './group.ts';
import { learn } from './learn.ts';
import { defaultFuzzy, type FuzzyRules, judge, pairsOf } from './match.ts';
import { type Person, personOf, type PersonText } from './person.ts';

const home = { street: '12 Mill Lane', city: 'Norwich', postcode: 'NR1 2AB' };
const masha: PersonText = { given: 'Masha', family: 'Kelley', birth: '1990-08-20', email: 'masha@kelley.example', ...home };
const bits = (a: PersonText, b: PersonText): number => judge(personOf(a), personOf(b), defaultFuzzy).bits;
const linked = (records: Readonly<Record<string, PersonText>>, rules: FuzzyRules = defaultFuzzy) => {
  const people = new Map(Object.entries(records).map(([id, text]) => [id, personOf(text)]));
  return group(people, pairsOf(people, rules), rules);
};

describe('two records', () => {
  it('are one person when enough of what they say agrees, and the reasons add up', () => {
    const score = judge(personOf(masha), personOf({ given: 'M', family: 'Kelly', birth: '20 Aug 1990', ...home }), defaultFuzzy);
    expect(score.probability).toBeGreaterThan(0.95);
    expect(score.reasons.reduce((sum, reason) => sum + reason.bits, 0)).toBeCloseTo(score.bits, 9);
    expect(score.reasons.map(({ field, level }) => `${field} ${level}`)).toEqual([
      'chance one in 10000',
      'given initial',
      'family typo',
      'birth exact',
      'street exact',
      'place exact',
      'household those who live together share it',
    ]);
  });

  it('of one household are two people, twins too', () => {
    const { birth: _, ...timeless } = masha;
    expect(bits(masha, { ...masha, given: 'Peter', birth: '1988-01-02' })).toBeLessThan(0);
    expect(bits(timeless, { ...timeless, given: 'Peter' })).toBeLessThan(0);
    expect(linked({ a: masha, b: { ...masha, given: 'Peter' } }).groups).toEqual([]);
  });

  it('with a mark of generation, a number or a kind that differs are two', () => {
    expect(linked({ a: { ...masha, family: 'Kelley I' }, b: { ...masha, family: 'Kelley II' } }).groups).toEqual([]);
    const [one, two] = ['P1234567', 'P7654321'].map((passport) => ({ given: 'Masha', ...home, papers: { passport } }));
    expect(bits(one ?? {}, two ?? {})).toBeLessThan(1);
    expect(bits({ name: 'Mill Lane', phone: '5551234567' }, { organisation: 'Mill Lane Ltd', phone: '5551234567' })).toBeLessThan(
      -4,
    );
  });

  it('are compared across alphabets, and by whom they work for, however that is shortened', () => {
    const text = { name: 'Alexander Vasiliev', phone: '+7 4812 85 62 34' };
    expect(bits(text, { ...text, name: 'ВАСИЛЬЕВ, Александр' })).toBeGreaterThan(4);
    const long = { name: 'Peggie Charney', employer: 'Universal Exports Worldwide' };
    const short = { name: 'Margaret Charney', employer: 'Universal Exports Ltd' };
    expect([bits(long, short) > 4, bits(long, { ...short, employer: 'Norwich Mills' }) < 0]).toEqual([true, true]);
    expect(linked({ long: long, short: short }).groups).toEqual([['long', 'short']]);
  });

  it('score the same whichever comes first, and an address of a desk says nothing', () => {
    const other = { given: 'Maria', family: 'Kelley', phone: '+44 1603 555 0199' };
    expect(bits(masha, other)).toBe(bits(other, masha));
    const desk = { given: 'Masha', email: 'info@shop.example' };
    expect(bits(desk, { ...desk, email: 'sales@shop.example' })).toBe(bits(desk, { given: 'Masha' }));
  });
});

describe('groups of records', () => {
  it('leave to review what is likely only, and nothing of what is not', () => {
    const found = linked({
      a: { family: 'Kelley', ...home },
      b: { family: 'Kelley', ...home, phone: '5551234567' },
      c: { family: 'Wood' },
    });
    expect([found.groups, found.review]).toEqual([[], []]);
    const likely = linked({ a: { family: 'Kelley', phone: '5551234567' }, b: { family: 'Kelley', phone: '1-555-123-4567' } });
    expect([likely.groups, likely.review.map(({ a, b }) => [a, b])]).toEqual([[], [['a', 'b']]]);
  });

  it('never hold two that differ for good, and who fits two people is in neither', () => {
    const father = { given: 'John', family: 'Hill', birth: '1950-01-02', ...home };
    const son = { ...father, birth: '1983-07-19' };
    const found = linked({ father, son, either: { given: 'John', family: 'Hill', ...home } });
    expect(found.groups).toEqual([]);
    expect(found.refused.map(({ reason }) => reason)).toEqual(['it fits two people', 'it fits two people']);
  });

  it('obey limits', () => {
    const people = new Map([
      ['a', personOf(masha)],
      ['b', personOf(masha)],
    ]);
    const found = group(people, pairsOf(people, defaultFuzzy), defaultFuzzy, () => 'two accounts');
    expect([found.groups, found.refused[0]?.reason]).toEqual([[], 'two accounts']);
  });
});

describe('weights', () => {
  /** Streets with a house each, with one resident, known under two spellings half the time. */
  const town = (letters: string, share: number): ReadonlyMap<string, Person> => {
    const size = letters.length;
    const letter = (n: number, i: number): string => letters[(n * (3 + i) + Math.floor(n / size) * (i * i + 1) + i) % size] ?? '';
    const word = (n: number): string => Array.from({ length: 6 }, (_, i) => letter(n, i)).join('');
    return new Map(
      Array.from({ length: 120 }, (_, n): [string, Person][] => {
        const text = {
          given: word(n),
          family: word(n + 500),
          birth: `19${50 + (n % 50)}-0${1 + (n % 9)}-1${n % 10}`,
          street: `${n} ${word(n + 900)} road`,
        };
        return [
          [`${n}a`, personOf(text)],
          ...(n % share === 0 ? [[`${n}b`, personOf({ ...text, given: `${text.given}a` })] as [string, Person]] : []),
        ];
      }).flat(),
    );
  };

  it('are learnt without knowing who is who, and hold for others', () => {
    const learnt = { ...defaultFuzzy, ...learn(town('abdegiklmnorstuvz', 2), defaultFuzzy) };
    expect(learnt.household).toBeGreaterThan(defaultFuzzy.household);
    expect(learnt.weights.given['typo']?.bits).toBeGreaterThan(learnt.weights.given['different']?.bits ?? 0);
    expect(learnt.weights.email).toEqual(defaultFuzzy.weights.email);
    const others = town('acefhilnoprsuwy', 2);
    const { groups } = group(others, pairsOf(others, learnt), learnt);
    const right = groups.filter(([a = '', b = '']) => Number.parseInt(a, 10) === Number.parseInt(b, 10));
    expect([right.length, groups.length]).toEqual([60, 60]);
  });
});
