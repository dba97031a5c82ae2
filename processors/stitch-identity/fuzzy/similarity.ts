import { soundOf } from './text.ts';

/**
 * Edits that turn one word into another: characters added, dropped, replaced, or swapped with their neighbour (Damerau, in the
 * restricted form of optimal string alignment).
 */
export function edits(a: string, b: string): number {
  let before: number[] = [];
  let last: number[] = [];
  for (let j = 0; j <= b.length; j++) last.push(j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let least = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const dropped = (last[j] ?? 0) + 1;
      const added = (row[j - 1] ?? 0) + 1;
      if (dropped < least) least = dropped;
      if (added < least) least = added;
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        const swapped = (before[j - 2] ?? 0) + 1;
        if (swapped < least) least = swapped;
      }
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** Jaro's similarity with Winkler's bonus for a common beginning, 0 to 1. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return 1;
  const reach = Math.max(Math.floor(Math.max(a.length, b.length) / 2) - 1, 0);
  const taken = new Set<number>();
  const matchedA: string[] = [];
  for (let i = 0; i < a.length; i++) {
    for (let j = Math.max(0, i - reach); j <= Math.min(b.length - 1, i + reach); j++) {
      if (taken.has(j) || a[i] !== b[j]) continue;
      taken.add(j);
      matchedA.push(a[i] ?? '');
      break;
    }
  }
  const common = matchedA.length;
  if (common === 0) return 0;
  const matchedB = [...taken].sort((x, y) => x - y).map((j) => b[j]);
  const swapped = matchedA.filter((letter, k) => letter !== matchedB[k]).length / 2;
  const jaro = (common / a.length + common / b.length + (common - swapped) / common) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++;
  return jaro + prefix * 0.1 * (1 - jaro);
}

function lettersShared(a: string, b: string): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (b.includes(a[i] ?? '')) count++;
  return count;
}

/** Whether two different words are probably one, mistyped or spelled by ear. */
export function isClose(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  const longer = Math.max(a.length, b.length);
  // Most words are not alike: their letters tell before anything is computed.
  if (shorter < 2 || shorter * 2 < longer || lettersShared(a, b) * 2 < shorter) return false;
  const distance = edits(a, b);
  if (shorter >= 4 && distance <= 1) return true;
  if (shorter >= 7 && distance <= 2) return true;
  if (distance <= longer / 2 && shorter >= 3 && soundOf(a) === soundOf(b)) return true;
  return shorter >= 5 && jaroWinkler(a, b) >= 0.93;
}
