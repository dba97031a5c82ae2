import { productFields, type Line, type Product } from './catalogue.ts';
import { traitsOf, type Cart, type Customer, type Device } from './people.ts';
import type { Fields, ShopCall } from './shop-event.ts';
import type { World } from './world.ts';

/** One stay in the shop: each call comes a little after the one before. */
export interface Visit {
  /** Time of the next call. */
  readonly at: number;
  page(name: string): void;
  track(event: string, properties: Fields): void;
  look(product: Product): void;
  add(cart: Cart, line: Line): void;
  /** Says who is there: with the traits, as at every log-in. */
  signIn(customer: Customer): void;
  /** The device remembers its customer, without a log-in. */
  recognise(customer: Customer): void;
  tellTraits(customer: Customer): void;
  wait(ms: number): void;
}

export function openVisit(world: World, start: number, device: Device): Visit {
  const { random, pace } = world;
  const { anonymousId, context } = device;
  let at = Math.round(start);
  let userId: string | undefined;
  const wait = (ms: number): void => void (at += Math.max(1, Math.round(ms)));
  const say = (call: ShopCall): void => {
    const who = userId === undefined ? { anonymousId } : { userId, anonymousId };
    world.tell({ at, occurredAt: at, source: 'shop', who, context, call });
    wait(random.exponential(pace.pause));
  };
  const track = (event: string, properties: Fields): void => say({ kind: 'track', event, properties });
  const tellTraits = (customer: Customer): void => say({ kind: 'identify', traits: traitsOf(customer) });
  const recognise = (customer: Customer): void => {
    userId = customer.userId;
    world.signIn(customer, device);
  };
  return {
    get at() {
      return at;
    },
    page: (name) => say({ kind: 'page', name, properties: { path: `/${name.toLowerCase().replaceAll(' ', '-')}` } }),
    track,
    look: (product) => track('Product Viewed', productFields(product)),
    add: (cart, line) => {
      cart.lines.push(line);
      track('Product Added', {
        cart_id: cart.id,
        ...productFields(line.product),
        price: line.price / 100,
        quantity: line.quantity,
      });
    },
    signIn: (customer) => {
      recognise(customer);
      tellTraits(customer);
      track('Signed In', {});
    },
    recognise,
    tellTraits,
    wait,
  };
}
