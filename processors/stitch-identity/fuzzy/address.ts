import { isClose } from './similarity.ts';
import { folded, sameScript, wordsOf } from './text.ts';

/** An address, folded to words; kinds of streets, compass points and numbers of flats are left out. */
export interface Address {
  /** Numbers in the street, that of the house first. */
  readonly numbers: readonly string[];
  readonly street: readonly string[];
  readonly place: readonly string[];
  readonly postcode: string | null;
}

export interface AddressText {
  readonly number?: string;
  readonly street?: string;
  readonly city?: string;
  readonly postcode?: string;
}

export type StreetLevel = 'exact' | 'near' | 'street' | 'different';
export type PlaceLevel = 'exact' | 'near' | 'different';

const setOf = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const kinds = setOf(
  'street st str road rd lane ln avenue ave av drive dr place pl boulevard blvd way court ct circuit cct crescent cres close cl terrace tce parade pde highway hwy square sq strasse straße ul',
);
const compass = setOf('n s e w ne nw se sw north south east west');
const flats = setOf('suite ste apt appt apartment flat unit floor bld building no');

/** Reads an address of which any part may be missing, and the street line may hold all. */
export function addressOf({ number = '', street = '', city = '', postcode = '' }: AddressText): Address | null {
  const segments = street
    .split(',')
    .map((segment) => wordsOf(segment.replace(/#\s*\S+/g, ' ').replace(/strasse\b|straße\b/i, ' strasse')));
  const digits = segments.flat().filter((word) => /^\d+$/.test(word));
  const last = digits.at(-1);
  const found =
    postcode === '' && last !== undefined && /^\d{4,6}$/.test(last) && (digits.length > 1 || last.length > 4) ? last : null;
  const isStreet = (words: readonly string[]): boolean =>
    words.some((word) => /^\d/.test(word) && word !== found) && !flats.has(words[0] ?? '');
  const withKind = (words: readonly string[]): boolean => words.length > 1 && words.some((word) => kinds.has(word));
  const at = Math.max(0, [isStreet, withKind].map((test) => segments.findIndex(test)).find((index) => index >= 0) ?? 0);
  const line = segments[at] ?? [];
  const cut = line.findIndex((word, i) => i > 1 && kinds.has(word));
  const [own, beyond] = cut < 0 ? [line, []] : [line.slice(0, cut + 1), line.slice(cut + 1)];
  const isFlat = (words: readonly string[], i: number): boolean => flats.has(words[i] ?? '') || flats.has(words[i - 1] ?? '');
  const counted = own.filter((_, i) => !isFlat(own, i));
  const rest = [...beyond, ...segments.slice(at + 1).flat(), ...wordsOf(city)];
  const result = {
    numbers: [...wordsOf(number), ...counted.filter((word) => /^\d+[a-z]?$/.test(word) && word !== found)],
    street: counted.filter((word) => !/^\d+[a-z]?$/.test(word) && !kinds.has(word) && !compass.has(word)),
    place: rest.filter((word, i) => word.length > 2 && !/\d/.test(word) && !isFlat(rest, i)),
    postcode: postcode === '' ? found : folded(postcode).replaceAll(' ', ''),
  };
  return result.numbers.length + result.street.length + result.place.length === 0 && !result.postcode ? null : result;
}

/** Near: the street without a number, or with one that differs by a digit. Street: another house in it. */
export function compareStreet(a: Address, b: Address): StreetLevel | undefined {
  if (a.street.length === 0 || b.street.length === 0 || !sameScript(a.street, b.street)) return undefined;
  if (!alike(a.street, b.street)) return 'different';
  if (a.numbers.length === 0 && b.numbers.length === 0) return 'near';
  if (a.numbers.some((number) => b.numbers.includes(number))) return 'exact';
  const [x, y] = [a.numbers[0], b.numbers[0]];
  return x === undefined || y === undefined || x.startsWith(y) || y.startsWith(x) ? 'near' : 'street';
}

/** Near: only the postcode or only the town is the same. */
export function comparePlace(a: Address, b: Address): PlaceLevel | undefined {
  const code = a.postcode && b.postcode ? a.postcode === b.postcode : undefined;
  const town = a.place.length > 0 && b.place.length > 0 && sameScript(a.place, b.place) ? alike(a.place, b.place) : undefined;
  if (code === undefined && town === undefined) return undefined;
  if (code === true && town !== false) return 'exact';
  return code === true || town === true ? 'near' : 'different';
}

function alike(a: readonly string[], b: readonly string[]): boolean {
  const [x, y] = [a.join(''), b.join('')];
  if (x === y || isClose(x, y)) return true;
  const [few, many] = a.length <= b.length ? [a, b] : [b, a];
  return few.join('').length > 3 && few.every((word) => many.some((other) => other === word || isClose(word, other)));
}
