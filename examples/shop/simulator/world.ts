import { createCatalogue, type Product } from './catalogue.ts';
import { createCustomer, createDevice, type Customer, type Device } from './people.ts';
import type { Pace } from './pace.ts';
import { seededRandom, seedName, type Random } from './random.ts';
import type { ShopEvent } from './shop-event.ts';
import { TimeQueue } from './time-queue.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Epoch milliseconds; a part of every new id, so that two runs of one seed do not share any. */
  readonly start: number;
  readonly pace: Pace;
  /** Customers whom the seed alone makes: history and the present have them in common. */
  readonly customers: number;
  /** Whether these have registered before the start. */
  readonly registered: boolean;
}

/** What happens at a time: a call, or something that brings about more. */
export type Happening = ShopEvent | ((at: number) => void);

/** Everything of the shop that lasts from one visit to the next. */
export class World {
  readonly pace: Pace;
  readonly random: Random;
  readonly catalogue: readonly Product[];
  readonly queue = new TimeQueue<Happening>();
  /** Calls of visitors so far, those still to come of visits under way included. */
  calls = 0;
  readonly seed: number;
  /** Ids of those who were customers before the start. */
  readonly customers: readonly string[];
  readonly #run: string;
  readonly #tickets: Customer[] = [];
  readonly #seen: Customer[] = [];
  readonly #expected: string[];
  #ids = 0;

  constructor({ seed, start, pace, customers, registered }: WorldOptions) {
    this.pace = pace;
    this.random = seededRandom('shop', seed, start);
    this.catalogue = createCatalogue(seed);
    this.seed = seed;
    this.#run = seedName(seed, start);
    const names = Array.from({ length: customers }, (_, index) => String(index + 1).padStart(4, '0'));
    this.#expected = registered ? [] : names.toReversed();
    const before = registered ? names.map((name) => createCustomer(seed, name)) : [];
    for (const customer of before) this.#register(customer);
    this.customers = before.map(({ userId }) => userId);
  }

  /** Something with an id of its own, unique among all runs. */
  newId(prefix: string): string {
    return `${prefix}-${this.#run}-${(this.#ids++).toString(36)}`;
  }

  newDevice(): Device {
    return createDevice(this.newId('v'), this.random);
  }

  /** A call, made at `at`. */
  tell(event: Omit<ShopEvent, 'messageId'>): void {
    if (event.source === 'shop') this.calls += 1;
    this.queue.push(event.at, { ...event, messageId: this.newId('m') });
  }

  later(at: number, happening: (at: number) => void): void {
    this.queue.push(Math.round(at), happening);
  }

  /** Somebody who has not been a customer until now. */
  newcomer(): Customer {
    const customer = createCustomer(this.seed, this.#expected.pop() ?? this.newId('n').slice(2));
    this.#register(customer);
    return customer;
  }

  /** A customer who is not in the shop now: those who buy more are met more often. Undefined if none is found quickly. */
  someCustomer(at: number): Customer | undefined {
    return this.#free(this.#tickets, at);
  }

  /** A customer who has logged in before. */
  someVictim(at: number): Customer | undefined {
    return this.#free(this.#seen, at);
  }

  /** Remembers that the customer is known on the device. */
  signIn(customer: Customer, device: Device): void {
    if (customer.signedIn.size === 0) this.#seen.push(customer);
    customer.signedIn.add(device);
  }

  #register(customer: Customer): void {
    for (let ticket = 0; ticket < customer.weight; ticket++) this.#tickets.push(customer);
  }

  #free(among: readonly Customer[], at: number): Customer | undefined {
    if (among.length === 0) return undefined;
    for (let attempt = 0; attempt < 8; attempt++) {
      const customer = this.random.pick(among);
      if (customer.busyUntil < at) return customer;
    }
    return undefined;
  }
}
