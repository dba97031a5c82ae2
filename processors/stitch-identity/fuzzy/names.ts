import { formsOf, isNickname, type Nicknames } from './nicknames.ts';
import { edits, isClose } from './similarity.ts';
import { sameScript, wordsOf } from './text.ts';

/** A name, folded to words. */
export interface Name {
  readonly given: readonly string[];
  readonly family: readonly string[];
  /** jr, sr, ii …: tells people of one name apart. */
  readonly generation: string | null;
}

/** How two parts of a name stand to each other, the best first; undefined: nothing can be said. */
export type NameLevel = 'exact' | 'typo' | 'nickname' | 'close' | 'part' | 'initial' | 'different';

const generations = new Map(
  ['jr junior', 'sr senior', 'i', 'ii', 'iii', 'iv'].flatMap((line) => {
    const words = line.split(' ');
    return words.map((word) => [word, words[0] ?? ''] as const);
  }),
);
const noName = new Set(['mr', 'mrs', 'ms', 'dr', 'prof', 'inc', 'ltd', 'llc', 'gmbh', 'corp', 'co']);

/** Reads a name from its parts, or from a full name: `Ada King`, or `King, Ada`. */
export function nameOf({
  given = '',
  family = '',
  full = '',
}: Partial<Record<'given' | 'family' | 'full', string>>): Name | null {
  const [first, rest] = full.split(/,(.*)/s);
  const whole = rest !== undefined && rest.trim() !== '';
  const all = wordsOf(full).filter((word) => !noName.has(word));
  const parts = {
    given: given !== '' || family !== '' ? wordsOf(given) : whole ? wordsOf(rest) : all.length > 1 ? all.slice(0, -1) : [],
    family: given !== '' || family !== '' ? wordsOf(family) : whole ? wordsOf(first ?? '') : all.slice(-1),
  };
  const names = [...parts.given, ...parts.family];
  const mark = [...parts.given.slice(1), ...parts.family.slice(1)].find((word) => generations.has(word));
  if (names.length === 0) return null;
  const real = (words: readonly string[]): readonly string[] =>
    words.filter((word, i) => !noName.has(word) && !(i > 0 && generations.has(word)));
  return { given: real(parts.given), family: real(parts.family), generation: generations.get(mark ?? '') ?? null };
}

/** Given names: the first of each counts, and any of several when one of them is the same. */
export function compareGiven(a: readonly string[], b: readonly string[], nicknames: Nicknames): NameLevel | undefined {
  const [x, y] = [a[0], b[0]];
  if (x === undefined || y === undefined || !sameScript(a, b)) return undefined;
  if (x === y) return x.length === 1 ? 'initial' : 'exact';
  if (a.join('') === b.join('')) return 'exact';
  if (isShort(x, y, nicknames) || isShort(y, x, nicknames)) return 'initial';
  if (x.length === 1 || y.length === 1) return 'different';
  if (isNickname(nicknames, x, y)) return 'nickname';
  if (isTypo(x, y)) return 'typo';
  if (isClose(x, y) || isClose(a.join(''), b.join(''))) return 'close';
  return [...a.slice(1).map((word) => [word, y]), ...b.slice(1).map((word) => [word, x])].some(
    ([one = '', two]) => one.length > 1 && one === two,
  )
    ? 'part'
    : 'different';
}

/** Whether one is the initial of the other, or of a short form of it, or its consonants (Mhd, Thos, Wm). */
function isShort(short: string, name: string, nicknames: Nicknames): boolean {
  if (short.length >= name.length) return false;
  if (short.length === 1) return name[0] === short || formsOf(nicknames, name).some((form) => form[0] === short);
  if (short.length > 4 || short[0] !== name[0] || /[aeiou]/.test(short.slice(1, -1)) || /[aeiou]$/.test(short)) return false;
  let at = -1;
  return short.split('').every((letter) => (at = name.indexOf(letter, at + 1)) >= 0);
}

/** One slip in a name long enough that it is hardly another name. */
function isTypo(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 5 && edits(a, b) === 1;
}

/** As family names; and close are two of which the one is the other shortened by whole words, to two at least. */
export function compareOrganisation(a: readonly string[], b: readonly string[]): NameLevel | undefined {
  const level = compareFamily(a, b);
  const [few, many] = a.length <= b.length ? [a, b] : [b, a];
  return level === 'part' && few.length > 1 && few.every((word) => many.includes(word)) ? 'close' : level;
}

/** Family names: all words, or some of a double name. */
export function compareFamily(a: readonly string[], b: readonly string[]): NameLevel | undefined {
  if (a.length === 0 || b.length === 0 || !sameScript(a, b)) return undefined;
  const [x, y] = [a.join(''), b.join('')];
  if (x === y) return 'exact';
  if (isTypo(x, y)) return 'typo';
  if (isClose(x, y)) return 'close';
  const shared = a.some((one) => one.length > 2 && b.some((two) => two === one || isClose(one, two)));
  if (shared) return 'part';
  return (x.length === 1 || y.length === 1) && x[0] === y[0] ? 'initial' : 'different';
}
