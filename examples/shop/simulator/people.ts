import type { Line } from './catalogue.ts';
import type { Fields } from './shop-event.ts';
import { ordersPerCustomer } from './statistics.ts';
import { seededRandom, type Random } from './random.ts';

/** A browser or an app. */
export interface Device {
  readonly anonymousId: string;
  readonly context: Fields;
}

export interface Cart {
  readonly id: string;
  lines: Line[];
}

export interface Customer {
  readonly userId: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  address: Fields;
  /** One to three; on the first they registered. */
  readonly devices: readonly Device[];
  /** How much more often than others they buy. */
  readonly weight: number;
  /** What they left in the shop. */
  cart: Cart | undefined;
  /** Until when they are in the shop, epoch milliseconds; nobody is there twice at a time. */
  busyUntil: number;
  /** Devices on which they have logged in. */
  readonly signedIn: Set<Device>;
}

const firstNames =
  'Ada Ben Clara David Ella Farid Grace Hugo Iris Jack Kim Liam Maya Noah Olive Priya Quinn Rosa Sam Tara Umar Vera Will Xenia Yusuf Zoe'.split(
    ' ',
  );
const lastNames =
  'Archer Baker Carter Dyer Ellis Fisher Gardner Hunt Irwin Jones Khan Lamb Mason Nolan Osborne Parker Quirk Reed Smith Taylor Usher Vance Walker Young'.split(
    ' ',
  );
const streets = ['Mill Lane', 'High Street', 'Station Road', 'Church Walk', 'Orchard Close', 'Bridge Street', 'Elm Avenue'];
const cities = ['Ashford', 'Bath', 'Carlisle', 'Durham', 'Exeter', 'Leeds', 'Norwich', 'Oxford', 'Stirling', 'York'];
const agents: readonly Fields[] = [
  { device: { type: 'desktop' }, locale: 'en-GB' },
  { device: { type: 'tablet' }, locale: 'en-GB' },
  { device: { type: 'mobile' }, locale: 'en-GB' },
];

export function createDevice(anonymousId: string, random: Random): Device {
  return { anonymousId, context: random.pick(agents) };
}

/** An address nobody lives at. */
export function createAddress(random: Random): Fields {
  return {
    street: `${1 + random.int(180)} ${random.pick(streets)}`,
    city: random.pick(cities),
    postal_code: `ZZ${1 + random.int(99)} ${random.int(10)}AA`,
    country: 'United Kingdom',
  };
}

/** A customer: the same for the same seed and name. Names of customers are unique, so their e-mail addresses are, too. */
export function createCustomer(seed: number, name: string): Customer {
  const random = seededRandom('customer', seed, name);
  const [firstName, lastName] = [random.pick(firstNames), random.pick(lastNames)];
  const domain = random.chance(0.7) ? 'example.com' : 'example.org';
  const devices = Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, (_, index) =>
    createDevice(`d-${seed}-${name}-${index + 1}`, random),
  );
  return {
    userId: `c-${seed}-${name}`,
    email: `${firstName}.${lastName}.${seed}.${name}@${domain}`.toLowerCase(),
    firstName,
    lastName,
    address: createAddress(random),
    devices,
    weight: Math.max(1, Math.round(random.quantile(ordersPerCustomer))),
    cart: undefined,
    busyUntil: Number.NEGATIVE_INFINITY,
    signedIn: new Set(),
  };
}

/** What the shop tells of a customer who logs in. */
export function traitsOf({ email, firstName, lastName, address }: Customer): Fields {
  return { email, first_name: firstName, last_name: lastName, address };
}
