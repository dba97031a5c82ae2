import type { Entry } from './sorted-log.ts';

export type Traits = Readonly<Record<string, unknown>>;

/** Traits that an event told. */
export interface Told extends Entry {
  /** Index of the name of the event. */
  readonly e: number;
  readonly v: Traits;
}

/** The traits with newer ones over them; null takes one away. */
export function overlay(traits: Traits, newer: Traits): Traits {
  const all = { ...traits, ...newer };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

/** The traits from each time on at which something was told; of several events at one time all count. */
export function traitLine(log: readonly Told[]): { readonly t: number; readonly value: Traits }[] {
  const line: { t: number; value: Traits }[] = [];
  for (const { t, v } of log) {
    const value = overlay(line.at(-1)?.value ?? {}, v);
    if (line.at(-1)?.t === t) line.pop();
    line.push({ t, value });
  }
  return line;
}

/** The log without values that a later entry replaces; the same reference if there are none. */
export function newestOnly(log: readonly Told[]): readonly Told[] {
  const replaced = new Set<string>();
  const kept: Told[] = [];
  let changed = false;
  for (const entry of log.toReversed()) {
    const left = Object.entries(entry.v).filter(([name]) => !replaced.has(name));
    for (const [name] of left) replaced.add(name);
    changed ||= left.length < Object.keys(entry.v).length;
    if (left.length > 0) kept.push({ ...entry, v: Object.fromEntries(left) });
  }
  return changed ? kept.toReversed() : log;
}

/** Names of the traits that an expression reads; undefined when it uses them in a way that does not tell. */
export function usedTraits(expression: string): ReadonlySet<string> | undefined {
  const uses = [...expression.matchAll(/\btraits\b/g)].length;
  const named = [...expression.matchAll(/\btraits(?:\.\??([A-Za-z_]\w*)|\[(["'])([^"'\\]*)\2\])/g)];
  return named.length < uses ? undefined : new Set(named.map((match) => match[1] ?? match[3] ?? ''));
}
