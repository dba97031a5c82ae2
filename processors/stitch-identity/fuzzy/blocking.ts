import type { Person } from './person.ts';
import { soundOf } from './text.ts';

/**
 * What records of one person probably have in common, so that not all have to be compared with all: texts, each of several fields
 * in a coarse form. Two records are compared when they share one of these. They hold personal data: as keys only hashed
 * with the secret.
 */
export function blocksOf({ name, organisation, employer, birth, address, phone, email, papers }: Person): readonly string[] {
  const blocks: string[] = [];
  const [given, family] = [name?.given[0], name?.family];
  const sounds = [given, family?.join(''), ...(organisation ?? [])].flatMap((word) =>
    word === undefined || word === '' ? [] : [soundOf(word)],
  );
  const year = birth?.slice(2, 4);
  if (sounds.length === 2) blocks.push(`name ${sounds.toSorted().join(' ')}`);
  for (const word of family ?? []) if (word.length > 1) blocks.push(`family ${soundOf(word)} ${given?.[0] ?? ''}`);
  if (birth !== null) {
    blocks.push(`birth ${year} ${[birth.slice(4, 6), birth.slice(6)].toSorted().join(' ')}`);
    for (const sound of sounds) {
      blocks.push(`day ${sound} ${birth.slice(6)}`, `month ${sound} ${birth.slice(4, 6)}`, `year ${sound} ${year}`);
    }
  }
  const [number = '', street] = [address?.numbers[0], address?.street[0]];
  if (street !== undefined) {
    blocks.push(`street ${soundOf(street)} ${number}`);
    for (const sound of sounds) blocks.push(`home ${sound} ${soundOf(street)}`);
  }
  const places = [address?.postcode ?? '', soundOf((address?.place ?? []).join(''))].filter((place) => place !== '');
  for (const place of places) for (const sound of sounds) blocks.push(`place ${sound} ${place}`);
  if (employer !== null) for (const sound of sounds) blocks.push(`work ${sound} ${soundOf(employer[0] ?? '')}`);
  if (phone !== null) blocks.push(`phone ${phone.slice(-8)}`);
  if (email !== null) blocks.push(`email ${email}`);
  for (const [kind, number] of papers) blocks.push(`papers ${kind} ${number}`);
  return [...new Set(blocks)];
}
