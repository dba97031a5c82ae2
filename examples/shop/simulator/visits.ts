import { askFor, linesFields, quantityOf, type Line } from './catalogue.ts';
import { createAddress, type Cart, type Customer, type Device } from './people.ts';
import type { VisitKind } from './pace.ts';
import { planRefund } from './refunds.ts';
import { linesPerOrder } from './statistics.ts';
import { openVisit, type Visit } from './visit.ts';
import type { World } from './world.ts';

/** Lets a visitor of the kind come in. */
export const visitsByKind: Readonly<Record<VisitKind, (world: World, at: number) => void>> = {
  browse: (world, at) => stroll(world, openVisit(world, at, world.newDevice()), 2 + world.random.int(6)),
  'stray-cart': (world, at) => {
    const visit = openVisit(world, at, world.newDevice());
    stroll(world, visit, 2);
    fill(world, visit, newCart(world), 1 + world.random.int(5));
  },
  look: (world, at) => {
    const { random } = world;
    const customer = world.someCustomer(at) ?? world.newcomer();
    const moves = random.chance(0.04);
    const device = moves ? customer.devices[0] : undefined;
    const visit = enter(world, at, customer, device);
    stroll(world, visit, 1 + random.int(5));
    if (moves) moveHouse(world, visit, customer);
    customer.busyUntil = visit.at;
  },
  abandon: (world, at) => {
    const { random, pace } = world;
    const customer = world.someCustomer(at) ?? world.newcomer();
    const visit = enter(world, at, customer);
    fill(world, visit, cartOf(world, customer), lineCount(world));
    customer.busyUntil = visit.at;
    if (random.chance(0.35)) world.later(visit.at + random.between(...pace.comeback), (then) => comeBack(world, then, customer));
  },
  buy: (world, at) => {
    const { random, pace } = world;
    const known = random.chance(pace.newcomers) ? undefined : world.someCustomer(at);
    const customer = known ?? world.newcomer();
    const cart = cartOf(world, customer);
    const visit = openVisit(world, at, deviceOf(world, customer));
    stroll(world, visit, 1 + random.int(3));
    // Some fill their cart before they say who they are.
    const before = random.chance(0.3) ? 1 + random.int(4) : 0;
    fill(world, visit, cart, before);
    visit.signIn(customer);
    fill(world, visit, cart, Math.max(1, lineCount(world) - before), random.chance(pace.giants) ? 40 : 1);
    checkOut(world, visit, customer, cart);
  },
};

/** A thief logs in where the customer never was, has the goods sent elsewhere, and orders. */
export function takeOver(world: World, at: number): void {
  const customer = world.someVictim(at);
  if (customer === undefined) return;
  const { random, pace } = world;
  const visit = openVisit(world, at, world.newDevice());
  visit.page('Sign In');
  visit.signIn(customer);
  visit.wait(random.between(...pace.theft));
  moveHouse(world, visit, customer);
  const cart = newCart(world);
  fill(world, visit, cart, 3, 4);
  checkOut(world, visit, customer, cart);
}

function comeBack(world: World, at: number, customer: Customer): void {
  const { cart } = customer;
  if (cart === undefined || customer.busyUntil >= at) return;
  const visit = enter(world, at, customer);
  visit.track('Cart Viewed', { cart_id: cart.id, products: linesFields(cart.lines).products });
  checkOut(world, visit, customer, cart);
}

/** Comes in under the own name: by log-in, or recognised. */
function enter(world: World, at: number, customer: Customer, device: Device = deviceOf(world, customer)): Visit {
  const visit = openVisit(world, at, device);
  visit.page('Home');
  if (customer.signedIn.has(device) && world.random.chance(0.5)) visit.recognise(customer);
  else visit.signIn(customer);
  return visit;
}

/** The first log-in is always from the first device: where they registered. */
function deviceOf(world: World, { devices, signedIn }: Customer): Device {
  const [first] = devices;
  return first !== undefined && signedIn.size === 0 ? first : world.random.pick(devices);
}

function stroll(world: World, visit: Visit, calls: number): void {
  visit.page('Home');
  for (let call = 1; call < calls; call++) {
    if (world.random.chance(0.25)) visit.page(world.random.pick(['Sale', 'New In', 'Delivery', 'Contact']));
    else visit.look(askFor(world.catalogue, world.random));
  }
}

function newCart(world: World): Cart {
  return { id: world.newId('cart'), lines: [] };
}

/** The cart that was left, unless it is so full that nobody would go through it again. */
function cartOf(world: World, customer: Customer): Cart {
  const { cart } = customer;
  return cart !== undefined && cart.lines.length < 60 ? cart : (customer.cart = newCart(world));
}

function lineCount({ random }: World): number {
  return Math.max(1, Math.round(random.quantile(linesPerOrder)));
}

function fill({ catalogue, random }: World, visit: Visit, cart: Cart, lines: number, times = 1): void {
  for (let count = 0; count < lines; count++) {
    const product = askFor(catalogue, random);
    if (random.chance(0.3)) visit.look(product);
    const line: Line = { product, price: product.price, quantity: quantityOf(product, random) * times };
    visit.add(cart, line);
    if (random.chance(0.03)) {
      cart.lines.pop();
      visit.track('Product Removed', { cart_id: cart.id, product_id: product.id, sku: product.sku, quantity: line.quantity });
    }
  }
}

function checkOut(world: World, visit: Visit, customer: Customer, cart: Cart): void {
  const { random } = world;
  if (customer.cart === cart) customer.cart = undefined;
  customer.busyUntil = visit.at;
  if (cart.lines.length === 0) return;
  const order = linesFields(cart.lines);
  const id = world.newId('o');
  visit.track('Checkout Started', { cart_id: cart.id, value: order.total, currency: order.currency });
  const at = visit.at;
  visit.track('Order Completed', { order_id: id, cart_id: cart.id, ...order });
  customer.busyUntil = visit.at;
  for (const { product, quantity } of cart.lines) product.stock = Math.max(0, product.stock - quantity);
  planRefund(world, at, customer, id, cart.lines);
  if (random.chance(0.2)) visit.page('Thank You');
}

function moveHouse(world: World, visit: Visit, customer: Customer): void {
  customer.address = createAddress(world.random);
  visit.tellTraits(customer);
  visit.track('Address Changed', { country: customer.address['country'] });
}
