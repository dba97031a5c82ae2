import { currency, type Product } from './catalogue.ts';
import { seededRandom, type Random } from './random.ts';
import type { Fields, ShopSource } from './shop-event.ts';
import type { World } from './world.ts';

/** The lines of a count follow each other so closely, milliseconds. */
const betweenLines = 10;

/** How a count of the stock is made, at one moment, and told some seconds later. */
export type Count = (world: World, at: number) => void;

/**
 * The room where the stock lies. A count tells first of the articles that customers wait for, to each of these, then of all
 * products, then that it is whole; one that fails breaks off in the middle of the first. What runs out has been filled up the
 * night before; what is waited for comes and goes, more so while nobody is told.
 */
export function stockRoom(world: World, fails: () => boolean = () => false): Count {
  const wishes = wishesOf(world);
  const { random } = wishes;
  let isMended = false;
  return (_, at) => {
    const asOf = at - world.pace.countedBefore;
    const as_of = new Date(asOf).toISOString();
    const breaksOff = fails();
    for (const [index, { userId, product }] of wishes.all.entries()) {
      if (random.chance(breaksOff || isMended ? 0.4 : 0.15))
        product.stock = product.stock < 10 ? 20 + random.int(40) : random.int(5);
      if (breaksOff && index >= wishes.all.length / 2) continue;
      const properties = { product_id: product.id, sku: product.sku, quantity: product.stock, as_of };
      const call = { kind: 'track', event: 'Wish Counted', properties } as const;
      world.tell({ at: at + index, occurredAt: asOf, source: 'stock', who: { userId }, context: {}, call });
    }
    isMended = breaksOff;
    if (breaksOff) return;
    const waitedFor = new Set(wishes.all.map(({ product }) => product));
    for (const [index, product] of world.catalogue.entries()) {
      if (!waitedFor.has(product) && product.stock < 50 && world.random.chance(0.8))
        product.stock += 500 + world.random.int(2500);
      tell(world, 'stock', at + index * betweenLines, asOf, 'Stock Updated', product, { quantity: product.stock, as_of });
    }
    if (world.pace.wishes === 0) return;
    const call = { kind: 'track', event: 'Count Ended', properties: { as_of } } as const;
    const end = at + world.catalogue.length * betweenLines + 500;
    world.tell({ at: end, occurredAt: asOf, source: 'stock', who: { anonymousId: 'stock-room' }, context: {}, call });
  };
}

interface Wishes {
  readonly random: Random;
  readonly all: readonly { readonly userId: string; readonly product: Product }[];
}

/** Customers who have been there from the beginning each wait for one article that is asked for little. */
function wishesOf({ pace, catalogue, customers, seed }: World): Wishes {
  const random = seededRandom('wishes', seed);
  const all = customers.slice(0, pace.wishes).flatMap((userId, index) => {
    const product = catalogue[catalogue.length - 1 - index];
    if (product === undefined) return [];
    product.stock = random.chance(0.5) ? 0 : 30;
    return [{ userId, product }];
  });
  return { random, all };
}

/** A price goes up or down, or back to what it was; who has the product in the cart keeps the price it had. */
export function changePrice(world: World, at: number): void {
  const { random } = world;
  const product = random.pick(world.catalogue);
  const before = product.price;
  const factor = before === product.listPrice ? random.pick([0.7, 0.8, 0.9, 1.1, 1.2]) : 1;
  product.price = Math.max(1, Math.round(product.listPrice * factor));
  tell(world, 'prices', at, at, 'Price Changed', product, {
    price: product.price / 100,
    previous_price: before / 100,
    currency,
  });
}

function tell(
  world: World,
  source: ShopSource,
  at: number,
  occurredAt: number,
  event: string,
  product: Product,
  more: Fields,
): void {
  const properties = { product_id: product.id, sku: product.sku, ...more };
  const call = { kind: 'track', event, properties } as const;
  world.tell({ at, occurredAt, source, who: { anonymousId: `product-${product.id}` }, context: {}, call });
}
