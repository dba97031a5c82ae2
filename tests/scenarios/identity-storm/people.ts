import { randomOf, shuffled } from '../../faults/harness/random.ts';

/** Something that a person did; identifiers as `kind:value`, the primary one first. */
export interface Happening {
  readonly id: string;
  /** Milliseconds after the first; no two are equal. */
  readonly at: number;
  readonly names: readonly string[];
  /** Of an order its total; null: it is an identify. */
  readonly total: number | null;
  readonly plan: string | null;
}

export interface Population {
  readonly people: number;
  /** In the order in which they come in. */
  readonly happenings: readonly Happening[];
}

/** In the order in which an event names them. */
export const kinds = ['user_id', 'email', 'anonymous_id', 'device_id', 'card'] as const;
/** Between two happenings, so that sightings are never taken for repetitions, milliseconds. */
const STEP_MS = 1500;
/** How far things come in out of order, of all. */
const DISORDER = 0.1;

/**
 * People of one to six identifiers each, all of which the events together link to one: each event but those of a person's orders
 * brings in one more. Of each hundred, three log in on the device of another, which changes hands, and one uses the address of
 * another, which the limits forbid. All is decided by the seed.
 */
export function populate(seed: number, people: number, events: number): Population {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const made: Omit<Happening, 'id' | 'at'>[] = [];
  const identify = (names: readonly string[]): void =>
    void made.push({ names: byPriority(names), total: null, plan: pick(['gold', 'silver', 'none']) });
  const all = Array.from({ length: people }, (_, i) => identifiersOf(i, random));
  for (const [i, own] of all.entries()) {
    own.forEach((name, n) => {
      const others = own.slice(0, n).filter((other) => kindOf(other) !== kindOf(name));
      if (n > 0) identify([name, pick(others)]);
    });
    const [first = ''] = own;
    const neighbour = all[i + 1] ?? [];
    const isAccount = first.startsWith('user_id:');
    const lent = random() < 0.03 ? 'anonymous_id:' : random() < 0.01 ? 'email:' : undefined;
    const name = lent && neighbour[0]?.startsWith('user_id:') ? neighbour.find((each) => each.startsWith(lent)) : undefined;
    if (isAccount && name !== undefined) identify([first, name]);
  }
  while (made.length < events) made.push({ names: [pick(pick(all))], total: pick([30, 120, 260]), plan: null });
  const inTime = shuffled(made, random).map((each, i): Happening => ({ ...each, id: `e${i}`, at: i * STEP_MS }));
  const span = inTime.length * STEP_MS * DISORDER;
  const arriving = inTime.map((each) => ({ each, at: each.at + random() * span })).sort((a, b) => a.at - b.at);
  return { people, happenings: arriving.map(({ each }) => each) };
}

/** The first is one that all others can be seen with: no event has two of a kind. */
function identifiersOf(person: number, random: () => number): readonly string[] {
  const count = 1 + Math.floor(random() * 6);
  const name = (kind: string, n = 0): string => `${kind}:${kind[0]}${person}-${n}${kind === 'email' ? '@storm.example' : ''}`;
  if (count === 1) return [name(kinds[Math.floor(random() * kinds.length)] ?? 'user_id')];
  const rest = shuffled(
    [name('email'), name('card'), name('anonymous_id'), name('anonymous_id', 1), name('device_id'), name('device_id', 1)],
    random,
  );
  return random() < 0.8 ? [name('user_id'), ...rest.slice(0, count - 1)] : distinctFirst(rest.slice(0, count));
}

/** Two of a kind cannot be the first two: nothing would link them. */
function distinctFirst(names: readonly string[]): readonly string[] {
  const [first = '', ...others] = names;
  const other = others.find((name) => kindOf(name) !== kindOf(first));
  return other === undefined ? [first] : [first, other, ...others.filter((name) => name !== other)];
}

export function kindOf(name: string): string {
  return name.slice(0, name.indexOf(':'));
}

function byPriority(names: readonly string[]): readonly string[] {
  const rank = (name: string): number => (kinds as readonly string[]).indexOf(kindOf(name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}
