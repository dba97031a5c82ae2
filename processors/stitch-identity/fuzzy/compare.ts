import { compareBirth } from './birth.ts';
import { comparePlace, compareStreet } from './address.ts';
import { compareFamily, compareGiven, compareOrganisation, type Name } from './names.ts';
import type { Nicknames } from './nicknames.ts';
import type { Person } from './person.ts';
import { edits } from './similarity.ts';

/** The fields that are compared. */
export const fields = [
  'given',
  'family',
  'generation',
  'organisation',
  'employer',
  'birth',
  'street',
  'place',
  'phone',
  'email',
  'papers',
] as const;
export type Field = (typeof fields)[number];

/** By field, how two records stand to each other; what one of them does not say is left out. */
export type Comparison = ReadonlyMap<Field, string>;

/** Compares two records field by field. The same whichever comes first. */
export function compare(a: Person, b: Person, nicknames: Nicknames): Comparison {
  const found = new Map<Field, string>();
  const put = (field: Field, level: string | undefined): void => void (level !== undefined && found.set(field, level));
  if (a.name && b.name) for (const [field, level] of compareNames(a.name, b.name, nicknames)) put(field, level);
  if (a.organisation || b.organisation)
    put('organisation', a.organisation && b.organisation ? compareOrganisation(a.organisation, b.organisation) : 'person');
  if (a.employer && b.employer) put('employer', compareOrganisation(a.employer, b.employer));
  if (a.birth !== null && b.birth !== null) put('birth', compareBirth(a.birth, b.birth));
  if (a.address && b.address) {
    put('street', compareStreet(a.address, b.address));
    put('place', comparePlace(a.address, b.address));
  }
  if (a.phone !== null && b.phone !== null) put('phone', comparePhone(a.phone, b.phone));
  if (a.email !== null && b.email !== null) put('email', compareEmail(a.email, b.email));
  put('papers', comparePapers(a.papers, b.papers));
  return found;
}

/** As they are given, or with given and family name swapped when that fits and the other does not. */
function compareNames(a: Name, b: Name, nicknames: Nicknames): [Field, string | undefined][] {
  const fits = (level: string | undefined): boolean => ['exact', 'typo', 'close', 'nickname'].includes(level ?? '');
  const [given, family] = [compareGiven(a.given, b.given, nicknames), compareFamily(a.family, b.family)];
  const isSwapped =
    !fits(given) &&
    !fits(family) &&
    fits(compareGiven(a.given, b.family, nicknames)) &&
    fits(compareGiven(a.family, b.given, nicknames));
  const [x, y] = [a.generation, b.generation];
  return [
    ['given', isSwapped ? 'swapped' : given],
    ['family', isSwapped ? 'swapped' : family],
    ['generation', x === null || y === null ? undefined : x === y ? 'exact' : 'different'],
  ];
}

/** With and without the codes of country and area. */
function comparePhone(a: string, b: string): string {
  if (a === b || (Math.min(a.length, b.length) >= 7 && (a.endsWith(b) || b.endsWith(a)))) return 'exact';
  return edits(a, b) === 1 && Math.min(a.length, b.length) >= 8 ? 'near' : 'different';
}

function compareEmail(a: string, b: string): string {
  if (a === b) return 'exact';
  const [x, y] = [a, b].map((address) => address.slice(0, address.indexOf('@')));
  return edits(a, b) === 1 ? 'near' : x === y ? 'mailbox' : 'different';
}

/** The best of the kinds that both have: near is one character mistyped. */
function comparePapers(a: Person['papers'], b: Person['papers']): string | undefined {
  const levels = [...a].flatMap(([kind, x]) => {
    const y = b.get(kind);
    if (y === undefined) return [];
    return [x === y ? 'exact' : Math.min(x.length, y.length) >= 6 && edits(x, y) === 1 ? 'near' : 'different'];
  });
  return ['exact', 'near', 'different'].find((level) => levels.includes(level));
}
