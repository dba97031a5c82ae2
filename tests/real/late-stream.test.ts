/**
 * Two real shops, each with one stream that comes ten minutes late. A rule by the clock on the wall decides with what it has;
 * the pipeline waits until it has seen so far. Both are compared with what was true, computed plainly over all that was to come.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { topics } from '../../schemas/topics.ts';
import { loadWorkspace } from '../../workspace/load.ts';
import { start, Walk } from '../support/open-walk.ts';
import { readRetailOrders, realData } from '../support/retail-orders.ts';

const [minute, day] = [60_000, 86_400_000];
const late = 10 * minute;
const patience = 120_000;
const open = async (...sources: readonly string[]): Promise<Walk> =>
  await Walk.open(await loadWorkspace(join(import.meta.dirname, 'lag'), {}), sources);

/** Something that is told to a raw topic at a time, epoch milliseconds of the walk. */
interface Told {
  readonly source: string;
  readonly customer: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, unknown>>;
}
const arrival = ({ source, at }: Told, lateSource: string): number => (source === lateSource ? at + late : at);

/** Who entered which segment when, in words: what the pipeline makes of it all, looked at every `step` and at the end. */
async function entered(walk: Walk, told: readonly Told[], lateSource: string, step: number, end: number): Promise<Set<string>> {
  const inOrder = told.toSorted((a, b) => arrival(a, lateSource) - arrival(b, lateSource));
  let settled = start;
  for (const [index, each] of inOrder.entries()) {
    const now = arrival(each, lateSource);
    if (now - settled >= step) {
      await walk.settle();
      settled = now;
    }
    walk.at((now - start) / minute);
    const id = `r${index}`;
    walk.produce(each.source, each.customer, {
      id,
      customer: each.customer,
      at: new Date(each.at).toISOString(),
      ...each.fields,
    });
  }
  for (const after of [0, 12, 24]) {
    walk.at((end - start) / minute + after);
    await walk.settle();
  }
  const who = new Map([...new Set(told.map(({ customer }) => customer))].map((name) => [walk.customer('user_id', name), name]));
  const changes = walk.read(topics.segmentsMembership).filter(({ change }) => change === 'entered');
  expect(changes.filter(({ cause }) => cause.kind === 'correction')).toEqual([]);
  return new Set(changes.map(({ customer, segment, effectiveAt }) => `${who.get(customer)} ${segment} ${effectiveAt}`));
}

interface Share {
  readonly decisions: number;
  readonly wrong: number;
}
function print(what: string, { decisions, wrong }: Share): void {
  const share = ((100 * wrong) / decisions).toFixed(1);
  process.stdout.write(
    `${what}: a clock on the wall gets ${wrong} of ${decisions} decisions wrong (${share} %), the pipeline none\n`,
  );
}

describe('orders that come ten minutes late', () => {
  it(
    'make nobody who has ordered in time one who has gone quiet',
    async () => {
      const { events } = readRetailOrders();
      const orders = events.filter(({ event }) => event === 'Order Completed').toSorted((a, b) => a.occurredAt - b.occurredAt);
      const first = orders[0]?.occurredAt ?? 0;
      const told = orders.map(({ customer, occurredAt }): Told => {
        return { source: 'orders', customer, at: start + minute + occurredAt - first, fields: {} };
      });
      const end = Math.max(...told.map(({ at }) => at)) + late;
      const wait = 7 * day;
      const truth = new Set<string>();
      const share = { decisions: 0, wrong: 0 };
      for (const [customer, own] of Map.groupBy(told, (each) => each.customer)) {
        const times = [...new Set(own.map(({ at }) => at))];
        for (const [index, at] of times.entries()) {
          const due = at + wait;
          const next = times[index + 1] ?? Number.POSITIVE_INFINITY;
          if (due > end) continue;
          if (next > due) truth.add(`${customer} gone-quiet ${due}`);
          if (next + late <= due) continue;
          share.decisions += 1;
          if (next <= due) share.wrong += 1;
        }
      }
      const walk = await open('orders');
      try {
        expect(await entered(walk, told, 'orders', 12 * 60 * minute, end)).toEqual(truth);
      } finally {
        await walk.close();
      }
      expect(share.decisions).toBeGreaterThan(1000);
      print('bought before, nothing for a week', share);
    },
    patience,
  );
});

describe('listings that come ten minutes late', () => {
  it(
    'let nobody be told of a lower price, or of a return, of what is not there',
    async () => {
      const file = readFileSync(join(realData, 'price-changes', 'changes-derived.csv'));
      const rows = parse(file, { columns: true }) as unknown as Record<string, string>[];
      const first = Math.min(...rows.map((row) => Date.parse(row['observed_at'] ?? '')));
      const told = rows.flatMap((row, index): Told[] => {
        const customer = `${row['warehouse']}-${row['product_id']}`;
        const at = start + 60 * minute + Date.parse(row['observed_at'] ?? '') - first + (index % 2);
        const [before, after] = [Number(row['before']), Number(row['after'])];
        if (row['change'] === 'price')
          return [{ source: 'prices', customer, at, fields: { drop: Math.round(((before - after) / before) * 1000) / 10 } }];
        if (row['change'] === 'unavailable_from') return [];
        return [{ source: 'listings', customer, at, fields: { listed: row['change'] === 'listed' ? 1 : 0 } }];
      });
      const byWhom = Map.groupBy(told, ({ customer }) => customer);
      // What is delisted or changes its price first was there before.
      for (const [customer, own] of byWhom) {
        const [head] = own.toSorted((a, b) => a.at - b.at);
        if (head?.fields['listed'] !== 1) told.push({ source: 'listings', customer, at: start + minute, fields: { listed: 1 } });
      }
      const end = Math.max(...told.map(({ at }) => at)) + late;
      const truth = new Set<string>();
      const share = { decisions: 0, wrong: 0 };
      for (const [customer, all] of Map.groupBy(told, (each) => each.customer)) {
        const own = all.toSorted((a, b) => a.at - b.at);
        for (const segment of ['price-drop', 'back-in-stock'] as const) {
          const actual = enteredBy(own, segment, ({ at }) => at);
          for (const at of actual) truth.add(`${customer} ${segment} ${at}`);
          for (const at of enteredBy(own, segment, (each) => arrival(each, 'listings'))) {
            share.decisions += 1;
            if (
              !holds(
                own.filter((each) => each.at <= at),
                segment,
              )
            )
              share.wrong += 1;
          }
        }
      }
      const walk = await open('prices', 'listings');
      try {
        expect(await entered(walk, told, 'listings', 30 * minute, end)).toEqual(truth);
      } finally {
        await walk.close();
      }
      expect(share.decisions).toBeGreaterThan(100);
      print('a lower price, or there again', share);
    },
    patience,
  );
});

type Segment = 'price-drop' | 'back-in-stock';

/** What is true of an article by what is known of it, in the order of what happened. */
function holds(known: readonly Told[], segment: Segment): boolean {
  const last = (field: string): unknown => known.findLast(({ fields }) => field in fields)?.fields[field];
  const wasGone = known.some(({ fields }) => fields['listed'] === 0);
  return last('listed') === 1 && (segment === 'price-drop' ? Number(last('drop') ?? 0) > 0 : wasGone);
}

/** When somebody who knows of each thing at its time finds that it has become true. */
function enteredBy(own: readonly Told[], segment: Segment, knownAt: (each: Told) => number): number[] {
  const times = [...new Set(own.map(knownAt))].sort((a, b) => a - b);
  let before = false;
  return times.filter((now) => {
    const is = holds(
      own.filter((each) => knownAt(each) <= now),
      segment,
    );
    const enters = is && !before;
    before = is;
    return enters;
  });
}
