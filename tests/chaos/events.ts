import { randomOf } from '../faults/harness/random.ts';

/** How an event comes in: by HTTP through a gateway, or written to the raw topic of its source. */
export type Route = 'web' | 'till';

/** Why an event must be refused, and by whom. */
export type Poison = 'gateway' | 'tag' | 'nobody' | 'bytes' | 'unknown-schema' | 'shape' | 'rule';

/** Something that happens; all but its time is decided by the seed. */
export interface Happening {
  /** `e` and its number. */
  readonly id: string;
  readonly index: number;
  readonly route: Route;
  readonly lane: number;
  readonly user: string | null;
  readonly email: string | null;
  readonly device: string | null;
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly traits: Readonly<Record<string, unknown>>;
  /** So much earlier than it comes in, milliseconds. */
  readonly delayMs: number;
  /** It comes again so many events later; 0: it does not. */
  readonly againAfter: number;
  readonly poison: Poison | undefined;
}

export const LANES = 4;
const POOL = 400;
const gatewayPoisons: readonly Poison[] = ['gateway', 'tag', 'nobody'];
const tillPoisons: readonly Poison[] = ['bytes', 'shape', 'rule', 'bytes', 'shape', 'rule', 'unknown-schema'];

interface Family {
  readonly id: number;
  readonly route: Route;
  /** One person with an account and nothing else, whose events come in order. */
  readonly plain: boolean;
  readonly people: readonly { readonly user: string; readonly email: string; readonly devices: readonly string[] }[];
  left: number;
}

/**
 * Customers without end: people with accounts, mail addresses and devices, some of whom hand a device on to another. A few
 * hundred live at a time, each for ten to thirty events.
 */
export function* happenings(seed: number): Generator<Happening, never> {
  const random = randomOf(seed);
  const chance = (p: number): boolean => random() < p;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  let families = 0;
  const found = (): Family => {
    const id = families++;
    const plain = chance(0.35);
    const count = !plain && chance(0.2) ? 2 : 1;
    const people = Array.from({ length: count }, (_, p) => ({
      user: `u${id}-${p}`,
      email: `m${id}-${p}@chaos.example`,
      devices: Array.from({ length: plain ? 0 : 1 + Math.floor(random() * 3) }, (_, d) => `d${id}-${p}-${d}`),
    }));
    return { id, route: chance(0.7) ? 'web' : 'till', plain, people, left: 10 + Math.floor(random() * 21) };
  };
  const living = Array.from({ length: POOL }, found);

  for (let index = 0; ; index++) {
    const at = Math.floor(random() * POOL);
    const family = living[at] as Family;
    family.left -= 1;
    if (family.left === 0) living[at] = found();
    const person = pick(family.people);
    const { route, plain } = family;
    const names = { user: null as string | null, email: null as string | null, device: null as string | null };
    const isLink = chance(plain ? 0.06 : 0.14);
    if (plain) names.user = person.user;
    else if (isLink) {
      // Of two people one may log in on the device of the other: it changes hands.
      const device = pick(chance(0.15) ? pick(family.people).devices : person.devices);
      const how = random();
      if (how < 0.75) Object.assign(names, { user: person.user, device });
      else Object.assign(names, { device });
    } else if (chance(0.45)) names.user = person.user;
    else names.device = pick(person.devices);
    if (isLink) names.email = person.email;

    const isPoison = chance(0.012);
    const poison = isPoison ? pick(route === 'web' ? gatewayPoisons : tillPoisons) : undefined;
    const name = isLink ? 'Identify' : pick(['Product Added', 'Product Added', 'Order Completed', 'Order Completed', 'Looked']);
    const cart = `c${Math.floor(random() * 2)}`;
    const total = pick([30, 120, 260]);
    const withCart = chance(0.7);
    const properties =
      name === 'Product Added'
        ? { cart_id: cart }
        : name === 'Order Completed'
          ? { order_id: `o${Math.floor(index / 3)}`, total, ...(withCart ? { cart_id: cart } : {}) }
          : {};
    const traits = isLink ? { email: person.email, plan: pick(['gold', 'silver', 'none']) } : {};
    const late = random();
    const far = random();
    const delayMs = plain || late > 0.05 ? 0 : late > 0.008 ? Math.round(far * 2_500) : Math.round(5_000 + far * 40_000);
    const againAfter = chance(0.04) ? 5 + Math.floor(random() * 400) : 0;
    const id = `e${index}`;
    const lane = family.id % LANES;
    const comesAgain = poison === undefined ? againAfter : 0;
    yield { id, index, route, lane, ...names, name, properties, traits, delayMs, againAfter: comesAgain, poison };
  }
}
