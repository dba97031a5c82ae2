import type { PersonText } from './person.ts';
import type { FuzzyFields } from './rules.ts';

/** What the traits of an event (a JSON object) say of a person; null: nothing. */
export function textOfTraits(traits: string, { parts, papers }: FuzzyFields): PersonText | null {
  if (traits === '{}') return null;
  const read = JSON.parse(traits) as unknown;
  const own = Object.entries(parts).flatMap(([part, paths]) => textAt(read, paths).map((text) => [part, text] as const));
  const numbers = [...papers].flatMap(([kind, paths]) => textAt(read, paths).map((text) => [kind, text] as const));
  if (own.length + numbers.length === 0) return null;
  return { ...Object.fromEntries(own), papers: Object.fromEntries(numbers) };
}

/** The first text that lies at one of the paths, if any. */
function textAt(root: unknown, paths: readonly string[]): readonly string[] {
  for (const path of paths) {
    let at: unknown = root;
    for (const step of path.split('.'))
      at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined;
    if ((typeof at === 'string' && at.trim() !== '') || typeof at === 'number') return [String(at)];
  }
  return [];
}
