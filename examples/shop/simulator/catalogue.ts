import type { Fields } from './shop-event.ts';
import { popularityExponent, productPrices, quantities } from './statistics.ts';
import { seededRandom, type Random } from './random.ts';

export interface Product {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  /** In pence, while there is no special offer. */
  readonly listPrice: number;
  /** In pence. */
  price: number;
  stock: number;
}

/** What somebody wants of a product, at the price it had then. */
export interface Line {
  readonly product: Product;
  readonly price: number;
  readonly quantity: number;
}

export const currency = 'GBP';

const materials = ['Enamel', 'Glass', 'Linen', 'Oak', 'Paper', 'Ceramic', 'Felt', 'Wicker', 'Tin', 'Wool'];
const looks = ['Red', 'White', 'Spotted', 'Striped', 'Vintage', 'Small', 'Large', 'Blue', 'Heart', 'Star'];
const things: readonly (readonly [category: string, ...names: readonly string[]])[] = [
  ['Kitchen', 'Jug', 'Cake Stand', 'Mug', 'Egg Cup', 'Bowl', 'Tea Towel'],
  ['Home', 'Candle Holder', 'Lantern', 'Photo Frame', 'Doormat', 'Clock', 'Cushion'],
  ['Paper Goods', 'Gift Wrap', 'Card Set', 'Notebook', 'Bunting', 'Napkins'],
  ['Bags', 'Lunch Bag', 'Shopper', 'Jumbo Bag', 'Wash Bag'],
  ['Toys', 'Skittles', 'Spinning Top', 'Doll', 'Building Blocks', 'Kite'],
  ['Garden', 'Watering Can', 'Plant Pot', 'Bird House', 'Wind Chime'],
];

/** The goods of the shop, the most asked-for first: the same for the same seed. */
export function createCatalogue(seed: number, size = 400): readonly Product[] {
  const random = seededRandom('catalogue', seed);
  return Array.from({ length: size }, (_, index) => {
    const [category, ...names] = random.pick(things);
    const listPrice = Math.round(random.quantile(productPrices));
    return {
      id: `p-${String(index + 1).padStart(4, '0')}`,
      sku: `${20_000 + index * 7}`,
      name: `${random.pick(looks)} ${random.pick(materials)} ${random.pick(names)}`,
      category,
      listPrice,
      price: listPrice,
      stock: 500 + random.int(3000),
    };
  });
}

/** A product as people ask for them: few are asked for much. */
export function askFor(catalogue: readonly Product[], random: Random): Product {
  const product = catalogue[Math.floor(catalogue.length * random.next() ** popularityExponent)];
  if (product === undefined) throw new RangeError('the catalogue is empty');
  return product;
}

/** How many of a product somebody takes. */
export function quantityOf({ price }: Product, random: Random): number {
  const band = quantities.find(({ belowPence }) => price < belowPence);
  return Math.max(1, Math.round(random.quantile(band?.table ?? [1])));
}

/** Properties of an event about a product. */
export function productFields({ id, sku, name, category, price }: Product): Fields {
  return { product_id: id, sku, name, category, price: price / 100, currency };
}

/** Lines as `products`, and what they come to. */
export function linesFields(lines: readonly Line[]): {
  readonly total: number;
  readonly currency: string;
  readonly products: readonly Fields[];
} {
  return {
    total: lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0) / 100,
    currency,
    products: lines.map(({ product: { id, sku, name, category }, price, quantity }) => ({
      product_id: id,
      sku,
      name,
      category,
      price: price / 100,
      quantity,
    })),
  };
}
