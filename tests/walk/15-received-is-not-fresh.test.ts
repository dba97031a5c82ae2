/**
 * 15. Received is not fresh.
 *
 * A poll every hour brings the figures of the stock, with the time of the poll on them. But the tills behind them are booked once a
 * night: what the poll says at noon is what was true at two in the morning, however often it says so. The source declares what feeds
 * it, and is never fresher than that. A wait for what does not come, on the other hand, needs only to know that the source lives: a
 * shop with one visitor an hour gets its absences on time, and one whose gateway has stopped gets none until it is back.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const house = {
  'freshet.yaml': 'name: corner-shop\nsecret: not a secret at all\ntimezone: Europe/London\n',
  'sources/shop.yaml': `source: shop
description: Visits and carts
owner: web
endpoint: { write_keys: ['sha256:${'0'.repeat(64)}'] }
events: [Identify, Page, Product Added, Order Completed]
`,
  'sources/stock.yaml': `source: stock
description: A poll of the stock, every hour
owner: warehouse
topic: {}
cadence: hourly
liveness: batch
fed_by:
  tills: { nightly: { at: "02:00", timezone: Europe/London } }
  web: realtime
transform:
  - when: record.kind == "end"
    skip: end of the poll
    as_of: record.as_of
    ends_batch: true
  - event: Stock Counted
    as_of: record.as_of
    occurred_at: record.as_of
    identifiers: { user_id: record.customer }
    properties: { quantity: record.quantity }
`,
  'sources/counts.yaml': `source: counts
description: Counts of the stock, each whole when nothing more of it comes
owner: warehouse
endpoint: { write_keys: ['sha256:${'1'.repeat(64)}'] }
cadence: { every: 3m }
lateness: 1m
liveness: { batch: { quiet: 20s } }
events: [Stock Updated]
transform:
  - event: Stock Updated
    message_id: record.messageId
    occurred_at: record.properties.as_of
    as_of: record.properties.as_of
    identifiers: { product: record.properties.product_id }
    properties: record.properties
`,
  'segments/in-stock.yaml': `segment: in-stock
eager: true
max_age: { stock: 9h }
beyond: drop
when:
  last: { of: Stock Counted, property: quantity, at_least: 1 }
`,
  'segments/abandoned-cart.yaml': `segment: abandoned-cart
when:
  absence: { of: Order Completed, after: Product Added, within: 30m, same: cart_id }
`,
  'activations/in-stock-mail.yaml': `activation: in-stock-mail
on: { segment: in-stock }
channel: email
address: email
template: mail
valid_for: 1h
`,
  'templates/mail.mjml':
    '---\nsubject: There\npreheader: It is there.\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>It is there.</mj-text></mj-column></mj-section></mj-body></mjml>\n',
};
/** Minutes after the start, which is ten in the morning. */
const [noon, next] = [120, 1080];
const ada = { userId: 'ada' };
const iso = (minutes: number): string => new Date(at(minutes)).toISOString();

let dir: string;
const openWalk = walks();
let walk: Walk;
let polls = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'freshet-house-'));
  for (const [name, text] of Object.entries(house)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
});
afterAll(() => rm(dir, { recursive: true }));
beforeEach(async () => {
  walk = await openWalk({ dir });
  walk.at(0, identify(ada, { email: 'ada@shop.example' }));
  await walk.settle();
});

/** A poll of one line and its end, and some seconds later they are known to be whole. */
async function poll(minutes: number, quantity: number, asOf = minutes): Promise<void> {
  walk.at(minutes);
  walk.produce('stock', `line ${++polls}`, { customer: 'ada', quantity, as_of: iso(asOf) });
  await walk.settle();
  walk.produce('stock', `end ${polls}`, { kind: 'end', as_of: iso(asOf) });
  await walk.settle();
  walk.at(minutes + 0.2);
  await walk.settle();
}

describe('an hourly poll over tills that are booked once a night', () => {
  it('is as old as the night by noon, whatever it says; the message that demands less is not sent, and its proof names the link', async () => {
    for (let minutes = 0; minutes < noon; minutes += 60) await poll(minutes, 0);
    expect(walk.watermarks.of('stock')).toBe(at(-480));
    await poll(noon, 5);
    expect(walk.watermarks.of('stock')).toBe(at(-480));
    expect(walk.read(topics.activationsRequested)).toEqual([]);
    const [withheld] = walk.read(topics.activationsWithheld);
    expect(withheld).toMatchObject({
      decision: 'dropped',
      reason: 'stock is 10h old, 9h allowed (fed by tills, nightly at 02:00 Europe/London)',
      proof: {
        sources: [
          {
            source: 'stock',
            watermark: at(-480),
            ageMs: 600 * 60_000,
            status: 'stale',
            link: 'tills, nightly at 02:00 Europe/London',
          },
        ],
      },
    });
  });

  it('is fresh again with the first poll after the next booking', async () => {
    await poll(noon, 0);
    await poll(next - 150, 0);
    expect(walk.watermarks.of('stock')).toBe(at(next - 120 - 1440));
    await poll(next - 60, 5);
    expect(walk.watermarks.of('stock')).toBe(at(next - 120));
    await poll(next, 0);
    await poll(next + 60, 5);
    const [sent] = walk.read(topics.activationsRequested);
    expect(sent?.proof.sources).toMatchObject([
      { source: 'stock', watermark: at(next - 120), ageMs: 180 * 60_000, status: 'fresh' },
    ]);
  });

  it('says nothing new when the same poll comes again', async () => {
    await poll(next, 0, next - 100);
    const before = walk.watermarks.of('stock');
    await poll(next + 60, 0, next - 100);
    await poll(next + 120, 0, next - 100);
    expect(walk.watermarks.of('stock')).toBe(before);
  });
});

describe('a shop with one visitor an hour', () => {
  const left = (): string[] => walk.changes().filter((change) => change.includes('abandoned-cart'));
  const visit = (who: string) => track({ userId: who }, 'Product Added', { cart_id: who });

  it('gets its absences on time', async () => {
    for (let hour = 1; hour <= 4; hour++) {
      walk.at(hour * 60, visit(`visitor ${hour}`));
      await walk.settle();
      walk.at(hour * 60 + 29.9);
      await walk.settle();
      expect(left()).toEqual([]);
      walk.at(hour * 60 + 30.1);
      await walk.settle();
      expect(left()).toEqual([`entered abandoned-cart at ${hour * 60 + 30} (timer)`]);
    }
  });

  it('gets none while its gateway has stopped, and all that are due when it is back', async () => {
    walk.at(60, visit('one'));
    await walk.settle();
    await walk.watermarks.stopFeed();
    for (const minutes of [91, 200, 400]) {
      walk.at(minutes);
      await walk.settle();
      expect(left()).toEqual([]);
    }
    walk.watermarks.feed();
    await walk.settle();
    expect(left()).toEqual(['entered abandoned-cart at 90 (timer)']);
  });
});

describe('a count of the stock that comes through the gateway', () => {
  const count = (asOf: number, products: number): void => {
    for (let i = 0; i < products; i++) {
      const properties = { product_id: `p${i}`, quantity: 5, as_of: iso(asOf) };
      walk.send(track({ anonymousId: `product-p${i}` }, 'Stock Updated', properties), { source: 'counts' });
    }
  };

  it('holds when nothing more of it comes, as long as the gateway vouches that it has handed on what it had', async () => {
    walk.at(1);
    count(0.5, 6);
    await walk.settle();
    walk.at(1.3);
    await walk.settle();
    expect(walk.watermarks.of('counts')).toBe(Number.NEGATIVE_INFINITY);
    walk.at(1.4);
    await walk.settle();
    expect(walk.watermarks.of('counts')).toBe(at(0.5));

    walk.at(4);
    count(3.5, 3);
    await walk.settle();
    await walk.watermarks.stopFeed();
    walk.at(10);
    await walk.settle();
    expect(walk.watermarks.of('counts')).toBe(at(0.5));
    walk.watermarks.feed();
    await walk.settle();
    expect(walk.watermarks.of('counts')).toBe(at(3.5));
  });
});
