import { seededRandom } from '../../../runtime/handover-simulation.ts';
import type { TaggedEvent } from '../../../schemas/generated/types.ts';
import type { PlainWord } from './reference.ts';
import { commandOf, eventOf } from './world.ts';

const kinds = ['user_id', 'email', 'phone', 'anonymous_id', 'device_id'];

/** For tests: people, shared devices and chance: events of one to three identifiers, at times that are all different. */
export function history(seed: number): TaggedEvent[] {
  const random = seededRandom(seed);
  const size = [2, 3, 5, 8][Math.floor(random() * 4)] ?? 2;
  const count = Math.floor(size * (2 + random() * 6));
  return Array.from({ length: count }, (_, at) => {
    const names = new Set<string>();
    const wanted = [1, 1, 2, 2, 3][Math.floor(random() * 5)] ?? 1;
    while (names.size < wanted) names.add(`${kinds[Math.floor(random() * kinds.length)]}:v${Math.floor(random() * size)}`);
    return eventOf(`m${at}`, at, [...names]);
  });
}

/** For tests: in another order. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T);
}

/** For tests: the identifiers of an event as `kind:value`. */
export const namesOf = ({ identifiers }: TaggedEvent): string[] => identifiers.map(({ kind, value }) => `${kind}:${value}`);

/** For tests: up to four words of an operator on pairs of these names. */
export function wordsOn(names: readonly string[], seed: number): readonly PlainWord[] {
  const random = seededRandom(seed);
  const pick = (): string => names[Math.floor(random() * names.length)] ?? '';
  const words = Array.from({ length: Math.floor(random() * 5) }, (_, i) => ({
    at: 1000 + i,
    apart: random() < 0.75,
    between: [pick(), pick()] as [string, string],
  }));
  return words.filter(({ between: [a, b] }) => a !== b);
}

/** For tests: these words as commands. */
export function commandsOf(words: readonly PlainWord[]): readonly TaggedEvent[] {
  return words.map(({ at, apart, between }, i) => commandOf(`w${i}`, at, apart ? 'split' : 'unsplit', between));
}

/** For tests: how many examples of a property are tried: in CI so many, by hand FRESHET_PROPERTY_RUNS times as many. */
export function runs(inCi: number): number {
  return inCi * ((globalThis as { readonly runs?: number }).runs ?? 1);
}
