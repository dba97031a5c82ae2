import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { OneCustomer, source } from '../../processors/evaluate-segments/fixture.ts';
import { evaluateSegments } from '../../processors/evaluate-segments/index.ts';
import type { CompiledSegment } from '../../processors/evaluate-segments/segment.ts';
import { loadWorkspace } from '../../workspace/load.ts';
import { runSegmentTests, type SegmentTest } from '../../workspace/segment-tests.ts';
import { changesUntil, membershipsAt, oracleSegments, type OracleEvent } from '../support/membership-oracle.ts';

/** The segments of the example, against a plain computation that shares no code with them. */
const minute = 60_000;
const day = 24 * 60 * minute;
const end = 200 * day;
let segments: readonly CompiledSegment[];
let tests: readonly SegmentTest[];

beforeAll(async () => {
  ({ segments, tests } = await loadWorkspace(join(import.meta.dirname, '../../examples/shop'), {
    FRESHET_SECRET: 'secret of a test',
    SHOP_WRITE_KEY: 'key',
  }));
});

const product = fc.record({
  sku: fc.constantFrom('pan', 'pot', 'lid'),
  price: fc.constantFrom(0.1, 12.35, 400),
  quantity: fc.integer({ min: 1, max: 9 }),
});
const time = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((days) => days * day),
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 90 }))
    .map(([days, minutes]) => days * day + minutes * minute),
);
const happening = fc.oneof(
  fc.record({
    event: fc.constantFrom('Order Completed', 'Order Completed', 'Order Refunded'),
    properties: fc.record(
      {
        order_id: fc.constantFrom('o1', 'o2', 'o3', 'o4'),
        total: fc.constantFrom(10, 249.99, 250, 1000),
        cart_id: fc.constantFrom('c1', 'c2'),
        products: fc.array(product, { maxLength: 3 }),
      },
      { requiredKeys: ['order_id', 'total', 'products'] },
    ),
  }),
  fc.record({
    event: fc.constantFrom('Product Added', 'Product Added', 'Product Removed', 'Product Viewed'),
    properties: fc.record({ cart_id: fc.constantFrom('c1', 'c2') }),
  }),
);
const history = fc.array(fc.tuple(happening, time), { maxLength: 16 }).map((all) =>
  all.map(([given, occurredAt], index): OracleEvent => ({
    customer: 'c_one',
    messageId: `m${(index * 5) % 16}`,
    ...given,
    occurredAt,
  })),
);
type Timed = OracleEvent & { readonly delay: number };
const delayed = fc
  .tuple(history, fc.infiniteStream(fc.integer({ min: 0, max: 120 })))
  .map(([events, delays]) => events.map((event): Timed => ({ ...event, delay: (delays.next().value ?? 0) * minute })));

/** Lets the events arrive, each after its delay, and the watermark follow as far as it may. */
function run(events: readonly Timed[], mode: 'live' | 'backfill'): OneCustomer {
  const customer = new OneCustomer(evaluateSegments({ segments, sources: [source('web', { mode })] }));
  const arriving = events.toSorted((a, b) => a.occurredAt + a.delay - b.occurredAt - b.delay);
  for (const [index, { messageId, event, occurredAt, properties }] of arriving.entries()) {
    customer.event({ id: messageId, event, at: occurredAt, properties, mode });
    customer.watermark('web', Math.min(end, ...arriving.slice(index + 1).map((each) => each.occurredAt)) - 1);
  }
  customer.watermark('web', end);
  return customer;
}

describe('the segments of the example', () => {
  it('pass the tests in their files', () => {
    const results = runSegmentTests({ tests });
    expect(new Set(tests.map(({ segment }) => segment.name))).toEqual(new Set([...oracleSegments, 'back-in-stock']));
    expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
  });

  it('have, live, the members that a plain computation over all events has', () => {
    fc.assert(
      fc.property(delayed, (events) => {
        expect(run(events, 'live').members()).toEqual(membershipsAt(events, end).get('c_one') ?? []);
      }),
      { numRuns: 200 },
    );
  });

  it('change, in a backfill, exactly when a plain computation says so', () => {
    fc.assert(
      fc.property(delayed, (events) => {
        const published = run(events, 'backfill').memberships.map(({ segment, change, effectiveAt }) => ({
          customer: 'c_one',
          segment,
          change,
          at: effectiveAt,
        }));
        expect(published).toEqual(changesUntil(events, end));
      }),
      { numRuns: 200 },
    );
  });

  it('let the customer of the giant order in when he orders and out when he takes it back', () => {
    const jar = { sku: '23166', price: 1.04, quantity: 74_215 };
    const order = (messageId: string, event: string, at: number): Timed => ({
      customer: 'c_one',
      messageId,
      event,
      occurredAt: at,
      delay: 0,
      properties: { order_id: messageId, total: 77_183.6, products: [jar] },
    });
    const rows = run(
      [
        order('541431', 'Order Completed', Date.UTC(1970, 1, 1, 10, 1)),
        order('C541433', 'Order Refunded', Date.UTC(1970, 1, 1, 10, 17)),
      ],
      'backfill',
    ).story();
    expect(rows.filter((row) => row.includes('high-spenders'))).toEqual([
      `${Date.UTC(1970, 1, 1, 10, 1)} entered high-spenders (backfill)`,
      `${Date.UTC(1970, 1, 1, 10, 17)} left high-spenders (backfill)`,
    ]);
  });
});
