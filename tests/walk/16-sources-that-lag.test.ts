/**
 * 16. Sources that lag.
 *
 * Carts come from the web, at once or when the gateway is back; orders from tills, in batches that come late, break off, and are
 * sent again. Whichever lags behind the other, and whatever task may be next: no cart is called left before both have been seen up
 * to the end of its wait, none that was ordered in time ever is, and every other one is, once, as soon as both have been seen so far.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from '../../processors/evaluate-segments/fixture.ts';
import { seededRandom } from '../../runtime/handover-simulation.ts';
import { topics } from '../../schemas/topics.ts';
import { at, track, type Walk, walks } from '../support/walk.ts';

const house = {
  'freshet.yaml': 'name: two-sources\nsecret: not a secret at all\n',
  'sources/web.yaml': `source: web
description: Carts
owner: web
endpoint: { write_keys: ['sha256:${'0'.repeat(64)}'] }
events: [Product Added]
`,
  'sources/tills.yaml': `source: tills
description: Orders, in batches
owner: sales
topic: {}
cadence: { every: 30m }
liveness: batch
transform:
  - when: record.kind == "end"
    skip: end of the batch
    as_of: record.as_of
    ends_batch: true
  - event: Order Completed
    message_id: record.no
    as_of: record.as_of
    occurred_at: record.at
    identifiers: { user_id: record.customer }
    properties: { cart_id: record.cart }
`,
  'segments/left.yaml': `segment: left
when:
  absence: { of: Order Completed, after: Product Added, within: 30m, same: cart_id }
`,
};
const wait = 30;
const lateness = 5_000;
const lasting = 240;

interface Cart {
  readonly who: string;
  readonly filled: number;
  /** Infinity: never. */
  readonly ordered: number;
}

const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
let dir: string;
const openWalk = walks();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'freshet-two-'));
  for (const [name, text] of Object.entries(house)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
});
afterAll(() => rm(dir, { recursive: true }));

/** The two sources as they come in: what has come is what a model may know. */
class Deliveries {
  readonly #walk: Walk;
  readonly #carts: readonly Cart[];
  readonly #kept: Cart[] = [];
  /** As-of of the last batch whose end has come, in minutes. */
  complete = Number.NEGATIVE_INFINITY;
  /** An end has come in this minute: a few seconds are waited before it counts. */
  isEnding = false;
  /** The web was last vouched for at this minute, or may have been. */
  vouched = 0;
  /** It was for certain. */
  heard = 0;
  isUp = true;

  constructor(walk: Walk, carts: readonly Cart[]) {
    this.#walk = walk;
    this.#carts = carts;
  }

  /** All has had its time at this minute: event time up to which both must have been seen. */
  settled(now: number): number {
    if (this.isUp) this.heard = now;
    return this.isEnding ? Number.NEGATIVE_INFINITY : Math.min(at(this.complete), at(this.heard) - lateness);
  }

  cart(cart: Cart): void {
    if (!this.isUp) return void this.#kept.push(cart);
    const { who, filled } = cart;
    this.#walk.send(track({ userId: who }, 'Product Added', { cart_id: who }, { timestamp: iso(filled) }));
  }

  /** All orders up to `asOf`, many of them for the second time; one that breaks off ends after some of them. */
  batch(asOf: number, breaksOff: boolean): void {
    const orders = this.#carts.filter(({ ordered }) => ordered <= asOf);
    for (const { who, ordered } of breaksOff ? orders.slice(0, orders.length / 2) : orders)
      this.#walk.produce('tills', who, { no: `order ${who}`, customer: who, cart: who, at: iso(ordered), as_of: iso(asOf) });
    if (breaksOff) return;
    this.#walk.produce('tills', 'end', { kind: 'end', as_of: iso(asOf) });
    this.complete = Math.max(this.complete, asOf);
    this.isEnding = true;
  }

  async turn(now: number): Promise<void> {
    this.isUp = !this.isUp;
    if (!this.isUp) return this.#walk.watermarks.stopFeed();
    for (const cart of this.#kept.splice(0)) this.cart(cart);
    this.#walk.watermarks.feed();
    this.vouched = now;
  }
}

/** Carts that had to have been told of while it went on. */
let demanded = 0;

async function live(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least));
  const carts = Array.from({ length: 30 }, (_, i): Cart => {
    const filled = between(1, lasting);
    const ordered = random() < 0.6 ? filled + between(1, 2 * wait) : Number.POSITIVE_INFINITY;
    return { who: `c${i}`, filled, ordered };
  });
  const inTime = new Set(carts.filter(({ filled, ordered }) => ordered <= filled + wait).map(({ who }) => who));
  const walk = await openWalk({ dir });
  const come = new Deliveries(walk, carts);
  const fired: string[] = [];
  const look = (now: number): void => {
    for (const { change, customer, effectiveAt, cause } of walk.read(topics.segmentsMembership)) {
      if (change !== 'entered') continue;
      const cart = carts.find(
        ({ who, filled }) => walk.customer('user_id', who) === customer && at(filled + wait) === effectiveAt,
      );
      expect([cart?.who, cause.kind]).toEqual([expect.any(String), 'timer']);
      const seen = Math.min(at(come.complete), at(come.isUp ? now : come.vouched) - lateness);
      expect(effectiveAt).toBeLessThanOrEqual(seen);
      fired.push(cart?.who ?? '');
    }
  };
  /** Everybody whose wait is over by what must have been seen has been told of, at once and not at the end alone. */
  const demand = async (now: number): Promise<void> => {
    await walk.settle();
    look(now);
    const seen = come.settled(now);
    const due = carts.filter(({ who, filled }) => !inTime.has(who) && at(filled + wait) <= seen);
    if (now <= lasting) demanded += due.length;
    expect(due.filter(({ who }) => !fired.includes(who))).toEqual([]);
  };
  for (let now = 1; now <= lasting; now++) {
    walk.at(now);
    come.isEnding = false;
    if (come.isUp) come.vouched = now;
    for (const cart of carts) if (cart.filled === now) come.cart(cart);
    if (random() < 0.04) await come.turn(now);
    if (random() < 0.08) come.batch(now - between(0, 20), random() < 0.3);
    await walk.stir(between(0, 60), random);
    look(now);
    // Seldom: who is always given time never lags.
    if (random() < 0.08) await demand(now);
  }
  if (!come.isUp) await come.turn(lasting);
  const end = lasting + 3 * wait;
  walk.at(end);
  come.batch(end, false);
  await walk.stir(200, random);
  look(end);
  walk.at(end + 1);
  come.isEnding = false;
  await demand(end + 1);
  const left = carts.map(({ who }) => who).filter((who) => !inTime.has(who));
  expect(fired.toSorted()).toEqual(left.toSorted());
}

describe('an absence over two sources that lag', () => {
  it('is told when both have been seen so far and not before, once, and never of what came in time', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), live), { numRuns: runs(8) });
    // It was demanded before the end.
    expect(demanded).toBeGreaterThan(8);
  });
});
