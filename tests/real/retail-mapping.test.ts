import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse as parseCsv } from 'csv-parse/sync';
import { parse as parseYaml } from 'yaml';
import { replayFiles, type ReplayProgress } from '../../connectors/sources/files/index.ts';
import { tagFreshness } from '../../processors/tag-freshness/index.ts';
import type { Producer } from '../../runtime/kafka/contract.ts';
import type { Context } from '../../runtime/processor.ts';
import type { ProduceRecord } from '../../runtime/record.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { compileSource } from '../../schemas/source-schema.ts';
import { retailFiles } from '../support/retail-orders.ts';

/** Every order of a real shop through the reader of the files and tag-freshness, counted against a plain reading of the same files. */
const root = join(import.meta.dirname, '..', '..');
const files = retailFiles();

interface Row {
  readonly InvoiceNo: string;
  readonly StockCode: string;
  readonly Description: string;
  readonly Quantity: string;
  readonly InvoiceDate: string;
  readonly UnitPrice: string;
  readonly CustomerID: string;
  readonly Country: string;
}
interface Product {
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
  readonly price: number;
}
interface Properties {
  readonly order_id: string;
  readonly total: number;
  readonly currency: string;
  readonly country: string;
  readonly products: readonly Product[];
  readonly fees: readonly { readonly code: string; readonly name: string; readonly amount: number }[];
}
type Order = TaggedEvent & { readonly order: Properties };

const appendedAt = Date.UTC(2030, 0, 1);
const source = compileSource(parseYaml(readFileSync(join(root, 'examples/shop/sources/retail-csv.yaml'), 'utf8')), {});

const orders: Order[] = [];
const rejected: string[] = [];
/** Rows of the records that were skipped, and how many records, by reason. */
const skippedRows = new Map<string, number>();
const skippedRecords = new Map<string, number>();
const damaged: string[] = [];
const statements: number[] = [];
let result: ReplayProgress;

beforeAll(async () => {
  const rawDecoder = createRawDecoder({ registry: new MemoryRegistry() });
  const processor = tagFreshness({ sources: [source], secret: 'secret', rawDecoder });
  let offset = -1;
  const take = (partition: number, { key, value, headers }: ProduceRecord): void => {
    offset += 1;
    const record = {
      topic: `raw.${source.name}`,
      partition,
      offset,
      timestamp: appendedAt,
      key: String(key),
      value,
      headers: headers ?? {},
    };
    const context: Omit<Context, 'state'> = {
      task: { processor: processor.name, partition },
      tick: appendedAt,
      vouch: () => undefined,
      endOf: () => undefined,
      watermark: () => Number.NEGATIVE_INFINITY,
      clock: () => Number.NEGATIVE_INFINITY,
      forward: (_topic, _key, event) => {
        const tagged = event as TaggedEvent;
        orders.push({ ...tagged, order: JSON.parse(tagged.properties) as Properties });
      },
      reject: (step, reason) => void rejected.push(`${step} ${reason}`),
      count: (name, { reason = '' } = {}) => {
        if (name !== 'skipped') return;
        const { rows } = JSON.parse(String(value)) as { rows: Row[] };
        skippedRows.set(reason, (skippedRows.get(reason) ?? 0) + rows.length);
        skippedRecords.set(reason, (skippedRecords.get(reason) ?? 0) + 1);
      },
    };
    processor.process(record, context as Context);
  };
  const producer: Producer = {
    send: ({ topic, partition, records }) => {
      for (const record of records) take(partition, record);
      return Promise.resolve({ topic, partition, baseOffset: 0, appendTime: appendedAt });
    },
    close: () => Promise.resolve(),
  };
  const feed = { state: (_: string, upTo: number) => void statements.push(upTo) };
  const onRejected = (damage: { file: string; line: number }): void => void damaged.push(`${damage.file}:${damage.line}`);
  result = await replayFiles({ files, source, producer, feed, topicName: 'raw', partitions: 4, onRejected });
}, 120_000);

/** The plain reading: no code of ours, invoices as the shop's rules have them. Amounts in tenths of a penny, exact. */
function plainReading() {
  const goods = /^(\d{5}|PADS$|DCGS|SP1002$|gift_)/;
  const rows = files.flatMap((file) => parseCsv(readFileSync(file), { columns: true }) as unknown as Row[]);
  const invoices = new Map<string, Map<string, Row>>();
  for (const row of rows) {
    const invoice = invoices.get(row.InvoiceNo) ?? new Map<string, Row>();
    invoices.set(row.InvoiceNo, invoice.set(JSON.stringify(Object.values(row)), row));
  }
  const totals = new Map<string, number>();
  const skipped = new Map<string, number>();
  for (const [number, unique] of invoices) {
    const lines = [...unique.values()];
    const sold = lines.filter(({ StockCode }) => goods.test(StockCode));
    const known = lines[0]?.CustomerID !== '';
    const charged = lines.some(({ UnitPrice }) => Number(UnitPrice) > 0);
    const reason = !known
      ? charged
        ? 'no-customer'
        : 'write-off'
      : !charged
        ? 'free-of-charge'
        : sold.length === 0
          ? 'only-fees'
          : null;
    const amount = sold.reduce((sum, row) => sum + Number(row.Quantity) * Math.round(Number(row.UnitPrice) * 1000), 0);
    if (reason === null) totals.set(number, amount);
    else skipped.set(reason, (skipped.get(reason) ?? 0) + lines.length);
  }
  const unique = [...invoices.values()].reduce((sum, invoice) => sum + invoice.size, 0);
  return { rows: rows.length, duplicates: rows.length - unique, totals, skipped };
}

const mills = (amount: number): number => Math.round(amount * 1000);
const signed = ({ event, order }: Order): number => (event === 'Order Refunded' ? -1 : 1) * mills(order.total);

describe('the orders of a real shop', () => {
  it('lose no row: each is in an event, skipped for a reason, or a repetition', () => {
    const inEvents = orders.reduce((sum, { order }) => sum + order.products.length + order.fees.length, 0);
    const skipped = [...skippedRows.values()].reduce((sum, count) => sum + count, 0);
    expect(inEvents + skipped + result.duplicates).toBe(result.rows);
    expect(result).toMatchObject({ rows: 142_083, duplicates: 1284, rejected: 0, skipped: {}, late: 0, ended: true });
    expect(damaged).toEqual([]);
    expect(rejected).toEqual([]);
  });

  it('are skipped, repeated and summed up as in a plain reading of the same files', () => {
    const plain = plainReading();
    expect(result).toMatchObject({ rows: plain.rows, duplicates: plain.duplicates });
    expect(Object.fromEntries(skippedRows)).toEqual(Object.fromEntries(plain.skipped));
    expect(orders.map(({ order }) => order.order_id).sort()).toEqual([...plain.totals.keys()].sort());
    const different = orders.filter((each) => Math.abs(signed(each) - (plain.totals.get(each.order.order_id) ?? 0)) > 5);
    expect(different.map(({ order }) => order.order_id)).toEqual([]);
    const all = [...plain.totals.values()].reduce((sum, amount) => sum + amount, 0);
    expect(orders.reduce((sum, each) => sum + signed(each), 0)).toBe(all);
  });

  it('say how many records were no orders, and why', () => {
    expect(Object.fromEntries(skippedRecords)).toEqual({
      'write-off': 554,
      'no-customer': 558,
      'only-fees': 80,
      'free-of-charge': 1,
    });
    const events = orders.map(({ event }) => event);
    expect(events.filter((event) => event === 'Order Completed')).toHaveLength(4681);
    expect(events.filter((event) => event === 'Order Refunded')).toHaveLength(1003);
  });

  it('have the giant order of a customer and, sixteen minutes later, its cancellation', () => {
    const giant = orders.filter(({ identifiers }) => identifiers[0]?.value === '12346');
    expect(
      giant.map(({ event, occurredAt, order }) => [event, new Date(occurredAt).toISOString(), order.order_id, order.total]),
    ).toEqual([
      ['Order Completed', '2011-01-18T10:01:00.000Z', '541431', 77_183.6],
      ['Order Refunded', '2011-01-18T10:17:00.000Z', 'C541433', 77_183.6],
    ]);
    expect(giant[1]?.order.products).toEqual([
      { sku: '23166', name: 'MEDIUM CERAMIC TOP STORAGE JAR', quantity: 74_215, price: 1.04 },
    ]);
  });

  it('are each of one known customer, with quantities above zero and an id of their own', () => {
    expect(
      orders.filter(({ identifiers }) => identifiers.length !== 1 || !/^[0-9]{5}$/.test(identifiers[0]?.value ?? '')),
    ).toEqual([]);
    expect(orders.filter(({ order }) => order.products.some(({ quantity, price }) => !(quantity > 0) || !(price >= 0)))).toEqual(
      [],
    );
    expect(orders.filter(({ order }) => order.currency !== 'GBP' || !(order.total > 0))).toEqual([]);
    expect(new Set(orders.map(({ messageId }) => messageId)).size).toBe(orders.length);
    expect(orders.filter(({ flags, mode }) => flags.length > 0 || mode !== 'replay')).toEqual([]);
  });

  it('come in the order of the clock that the files state, which ends at the last of them', () => {
    const last = Math.max(...orders.map(({ occurredAt }) => occurredAt));
    expect(statements.slice(-2)).toEqual([result.eventTime, Number.POSITIVE_INFINITY]);
    expect(statements.every((upTo, index) => index === 0 || upTo > (statements[index - 1] ?? 0))).toBe(true);
    expect(result.eventTime).toBeGreaterThanOrEqual(last);
  });
});
