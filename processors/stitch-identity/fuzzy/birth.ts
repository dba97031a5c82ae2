import { edits } from './similarity.ts';

/** A date of birth as eight digits, year first; with two digits of the year unknown as `..`. */
export type Birth = string;

export type BirthLevel = 'exact' | 'near' | 'part' | 'different';

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const two = (part: string | number): string => String(part).padStart(2, '0');

/** Reads `1990-08-20`, `19900820`, `8/20/1990`, `20/8/90`, `20-Aug-90`, `Aug 20 1990`; null for what is no date. Of two readings the American. */
export function birthOf(text: string): Birth | null {
  const trimmed = text.trim().toLowerCase();
  const iso = /^(\d{4})-?(\d{2})-?(\d{2})(?:t.*)?$/.exec(trimmed);
  if (iso) return valid(iso[1] ?? '', Number(iso[2]), Number(iso[3]));
  const parts = trimmed.split(/[^\da-z]+/).filter((part) => part !== '');
  if (parts.length !== 3) return null;
  const named = parts.findIndex((part) => months.includes(part.slice(0, 3)));
  const numbers = parts.filter((_, i) => i !== named).map(Number);
  if (numbers.some((number) => !Number.isInteger(number))) return null;
  const year = parts.at(-1) ?? '';
  const yearText = year.length === 4 ? year : `..${two(year)}`;
  if (named >= 0) return valid(yearText, months.indexOf((parts[named] ?? '').slice(0, 3)) + 1, numbers[0] ?? 0);
  const [a = 0, b = 0] = numbers;
  return a > 12 ? valid(yearText, b, a) : valid(yearText, a, b);
}

function valid(year: string, month: number, day: number): Birth | null {
  return year.length === 4 && month >= 1 && month <= 12 && day >= 1 && day <= 31 ? `${year}${two(month)}${two(day)}` : null;
}

/** Near: a digit mistyped, neighbours swapped, or day and month. Part: two of day, month and year. */
export function compareBirth(a: Birth, b: Birth): BirthLevel {
  const short = a.startsWith('.') || b.startsWith('.') ? 2 : 0;
  const [x, y] = [a.slice(short), b.slice(short)];
  if (x === y) return 'exact';
  const swapped = x.slice(0, -4) + x.slice(-2) + x.slice(-4, -2);
  if (swapped === y || edits(x, y) === 1) return 'near';
  const parts = (text: string): readonly string[] => [text.slice(0, -4), text.slice(-4, -2), text.slice(-2)];
  const equal = parts(x).filter((part, i) => part === parts(y)[i]).length;
  return equal === 2 || edits(swapped, y) === 1 ? 'part' : 'different';
}
