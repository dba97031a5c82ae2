import { currency, type Product } from './catalogue.ts';
import type { Fields, ShopSource } from './shop-event.ts';
import type { World } from './world.ts';

/** A count takes so long until it is sent, product by product. */
const countedBefore = 20_000;
const betweenProducts = 10;

/** A count of the whole stock as it was at one moment, told some seconds later. What runs out has been filled up the night before. */
export function countStock(world: World, at: number): void {
  const asOf = at - countedBefore;
  for (const [index, product] of world.catalogue.entries()) {
    if (product.stock < 50 && world.random.chance(0.8)) product.stock += 500 + world.random.int(2500);
    tell(world, 'stock', at + index * betweenProducts, asOf, 'Stock Updated', product, {
      quantity: product.stock,
      as_of: new Date(asOf).toISOString(),
    });
  }
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
