/**
 * 19. What lies in the warehouse.
 *
 * Stock and prices are about things, not customers: what their sources say is kept by key in reference tables, which every task
 * of the customers reads whole. Conditions and templates look things up there, and the proof says where and how old. Who looked
 * at a thing is told when its price drops, and nobody else; who has it in the cart belongs to a segment as long as enough is left.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ActivationRequest, ActivationWithheld } from '../../schemas/generated/types.ts';
import { referenceTopic, topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const house = {
  'freshet.yaml': 'name: warehouse\nsecret: not a secret at all\n',
  'sources/web.yaml': `source: web
description: Visits
owner: web
endpoint: { write_keys: ['sha256:${'0'.repeat(64)}'] }
events: [Identify, Product Viewed, Product Added]
`,
  'sources/stock.yaml': `source: stock
description: What is left of each thing
owner: warehouse
topic: {}
cadence: on-change
transform:
  - event: Stock Counted
    message_id: record.id
    occurred_at: record.at
    properties: { sku: record.sku, left: record.left }
table:
  name: stock
  key: sku
  values: [left]
  forget_after: 30d
  interest: { events: [Product Added], within: 7d }
  changes: [{ event: Stock Told, first: true }]
`,
  'sources/prices.yaml': `source: prices
description: What things cost
owner: purchasing
topic: {}
cadence: on-change
transform:
  - event: Price Set
    message_id: record.id
    occurred_at: record.at
    properties: { sku: record.sku, amount: record.amount, currency: record.currency }
table:
  name: price
  key: sku
  values: [amount, currency]
  interest: { events: [Product Viewed, Product Added], within: 7d, most: 50 }
  changes: [{ event: Price Dropped, when: now.amount <= before.amount * 0.9 }]
`,
  'segments/cheaper.yaml': `segment: cheaper
eager: true
when: { last: { of: Price Dropped, property: sku, exists: true, within: 1d, as: dropped } }
`,
  'segments/cart-in-stock.yaml': `segment: cart-in-stock
eager: true
when:
  in_stock: { of: [Product Added], key: sku, within: 1d, told_by: Stock Told, value: left, above: 10, below: 5, margin: { per_hour: 2 } }
`,
  'activations/cheaper.yaml': `activation: cheaper
on: { segment: cheaper }
channel: email
address: email
template: cheaper
data: { sku: dropped, price: '=price(traits.dropped).amount' }
when: stock(traits.dropped).left - stock(traits.dropped).age_s / 3600 * 2 > 5
valid_for: 1h
`,
  'templates/cheaper.mjml': `---
subject: It costs {{ price }} now
---
<mjml><mj-body><mj-section><mj-column><mj-text>{{ sku }}</mj-text></mj-column></mj-section></mj-body></mjml>
`,
};

let dir: string;
const openWalk = walks();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'freshet-tables-'));
  for (const [name, text] of Object.entries(house)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
});
afterAll(() => rm(dir, { recursive: true }));

const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
let id = 0;
const counted = (walk: Walk, minutes: number, sku: string, left: number): void =>
  walk.produce('stock', sku, { id: `s${++id}`, at: iso(minutes), sku, left });
const priced = (walk: Walk, minutes: number, sku: string, amount: number): void =>
  walk.produce('prices', sku, { id: `p${++id}`, at: iso(minutes), sku, amount, currency: 'GBP' });
const ann = { userId: 'ann' };
const price = referenceTopic('price');

async function opened(): Promise<Walk> {
  const walk = await openWalk({ dir });
  walk.at(1, identify(ann, { email: 'ann@shop.example' }), identify({ userId: 'bob' }, { email: 'bob@shop.example' }));
  counted(walk, 1, 'jug', 40);
  priced(walk, 1, 'jug', 10);
  await walk.settle();
  return walk;
}

describe('what a source says of things', () => {
  it('is kept by key, with what it was before, and is nobody’s event', async () => {
    const walk = await opened();
    walk.at(5);
    priced(walk, 5, 'jug', 8);
    await walk.settle();
    const rows = walk.read(price);
    expect(rows.map(({ key, versions }) => [key, versions.map(({ from, values }) => [from, values])])).toEqual([
      ['jug', [[at(1), '{"amount":10,"currency":"GBP"}']]],
      [
        'jug',
        [
          [at(5), '{"amount":8,"currency":"GBP"}'],
          [at(1), '{"amount":10,"currency":"GBP"}'],
        ],
      ],
    ]);
    expect(walk.read(topics.eventsIdentified).filter(({ event }) => event?.source !== 'web')).toEqual([]);
  });

  it('is not undone by what comes late', async () => {
    const walk = await opened();
    walk.at(9);
    priced(walk, 8, 'jug', 8);
    priced(walk, 3, 'jug', 12);
    await walk.settle();
    expect(walk.read(price).at(-1)?.versions[0]).toMatchObject({ from: at(8) });
  });
});

describe('a price that drops', () => {
  it('is told to those who looked, and the message says what it costs and where that was read', async () => {
    const walk = await opened();
    walk.at(2, track(ann, 'Product Viewed', { sku: 'jug' }), track({ userId: 'bob' }, 'Product Viewed', { sku: 'mug' }));
    await walk.settle();
    walk.at(5);
    priced(walk, 5, 'jug', 8);
    await walk.settle();
    const [told, ...others] = walk.read(topics.eventsIdentified).filter(({ event }) => event?.event === 'Price Dropped');
    expect(others).toEqual([]);
    expect(told?.customer).toBe(walk.customer('user_id', 'ann'));
    expect(JSON.parse(told?.event?.properties ?? '')).toEqual({
      sku: 'jug',
      amount: 8,
      currency: 'GBP',
      before: { amount: 10, currency: 'GBP' },
      as_of: at(5),
    });
    const [request] = walk.read<ActivationRequest>(topics.activationsRequested);
    expect(request).toMatchObject({ to: 'ann@shop.example', data: '{"sku":"jug","price":8}' });
    expect(request?.proof.tables).toMatchObject([
      { table: 'stock', source: 'stock', asOf: at(1), ageMs: 4 * 60_000 },
      { table: 'price', source: 'prices', asOf: at(5), ageMs: 0 },
    ]);
    expect(request?.proof.tables[1]?.offset).toBeGreaterThan(0);
  });

  it('by a clock that is ahead of the brokers’ is what the message says as well', async () => {
    const walk = await opened();
    walk.at(2, track(ann, 'Product Viewed', { sku: 'jug' }));
    await walk.settle();
    walk.at(5);
    priced(walk, 5 + 3 / 60, 'jug', 8);
    await walk.settle();
    const [request] = walk.read<ActivationRequest>(topics.activationsRequested);
    expect(request?.data).toBe('{"sku":"jug","price":8}');
  });

  it('of something that is hardly there any more is not told by mail, with the figure’s age in the proof', async () => {
    const walk = await opened();
    walk.at(2);
    counted(walk, 2, 'jug', 6);
    walk.at(3, track(ann, 'Product Viewed', { sku: 'jug' }));
    await walk.settle();
    walk.at(63);
    priced(walk, 63, 'jug', 8);
    await walk.settle();
    expect(walk.read(topics.activationsRequested)).toEqual([]);
    const [withheld] = walk.read<ActivationWithheld>(topics.activationsWithheld);
    expect(withheld).toMatchObject({ gate: 'condition', decision: 'dropped' });
    expect(withheld?.proof.tables[0]).toMatchObject({ table: 'stock', asOf: at(2), ageMs: 61 * 60_000 });
  });

  it('is one event for a customer who looked before and after he logged in', async () => {
    const walk = await opened();
    const device = { anonymousId: 'device-1' };
    walk.at(2, track(device, 'Product Viewed', { sku: 'jug' }));
    walk.at(3, track({ ...ann, ...device }, 'Product Viewed', { sku: 'jug' }));
    await walk.settle();
    walk.at(5);
    priced(walk, 5, 'jug', 8);
    await walk.settle();
    expect(walk.read(topics.activationsRequested)).toHaveLength(1);
  });
});

describe('a cart', () => {
  it('is of things in stock as long as enough is left, less what sells while the figure ages', async () => {
    const walk = await opened();
    walk.at(60, track(ann, 'Product Added', { sku: 'jug' }));
    await walk.settle();
    expect(walk.changes()).toEqual(['entered cart-in-stock at 60 (event)']);
    walk.at(120);
    counted(walk, 120, 'jug', 7);
    await walk.settle();
    expect(walk.changes()).toEqual([]);
    // Two an hour are sold: after an hour and the first moment behind it less than five are left.
    for (const minutes of [179, 185]) {
      walk.at(minutes);
      await walk.settle();
    }
    expect(walk.changes()).toEqual([`left cart-in-stock at ${180 + 1 / 60_000} (timer)`]);
    walk.at(200);
    counted(walk, 200, 'jug', 9);
    await walk.settle();
    expect(walk.changes()).toEqual([]);
    walk.at(210);
    counted(walk, 210, 'jug', 11);
    await walk.settle();
    expect(walk.changes()).toEqual(['entered cart-in-stock at 210 (event)']);
  });
});
