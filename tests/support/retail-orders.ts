import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { OracleEvent } from './membership-oracle.ts';

/**
 * A plain reading of the real orders: what a shopkeeper would see in them, written without the pipeline, its mapping or its reader
 * of files. The customer of an event is the number in the file.
 */
export interface RetailOrders {
  readonly events: readonly OracleEvent[];
  /** When the last invoice of any kind was begun, where the clock of a replay ends. Epoch milliseconds. */
  readonly end: number;
  readonly rows: number;
  readonly repeatedRows: number;
  readonly invoices: number;
  /** Invoices that are no orders, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
}

interface Row {
  readonly InvoiceNo: string;
  readonly StockCode: string;
  readonly Quantity: string;
  readonly InvoiceDate: string;
  readonly UnitPrice: string;
  readonly CustomerID: string;
}

const goods = /^(\d{5}|PADS$|DCGS|SP1002$|gift_)/;
const hour = 3_600_000;
/** From here on the shop's clocks were an hour ahead of UTC. */
const summer = '2011-03-27 01:00:00';

/** Where the tests of the real tier find the data. */
export const realData = process.env['FRESHET_REAL_DATA'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'data');

export function retailFiles(): readonly string[] {
  const folder = join(realData, 'online-retail');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .map((name) => join(folder, name));
}

export function readRetailOrders(files = retailFiles()): RetailOrders {
  const rows = [...files]
    .sort((a, b) => (basename(a) < basename(b) ? -1 : 1))
    .flatMap((file) => parse(readFileSync(file), { columns: true }) as unknown as Row[]);
  const invoices = new Map<string, Map<string, Row>>();
  for (const row of rows) {
    const lines = invoices.get(row.InvoiceNo) ?? new Map<string, Row>();
    invoices.set(row.InvoiceNo, lines.set(Object.values(row).join('\t'), row));
  }
  const events: OracleEvent[] = [];
  const leftOut: Record<string, number> = {};
  let end = 0;
  let unique = 0;
  for (const [number, lines] of invoices) {
    const all = [...lines.values()];
    const [first] = all;
    if (first === undefined) continue;
    unique += all.length;
    const at = utc(first.InvoiceDate);
    end = Math.max(end, at);
    const reason = reasonToLeaveOut(all, first);
    if (reason === undefined) events.push(orderOf(number, first, all, at));
    else leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  }
  return { events, end, rows: rows.length, repeatedRows: rows.length - unique, invoices: invoices.size, leftOut };
}

function reasonToLeaveOut(lines: readonly Row[], { CustomerID }: Row): string | undefined {
  const charged = lines.some(({ UnitPrice }) => Number(UnitPrice) !== 0);
  if (CustomerID === '') return charged ? 'no-customer' : 'write-off';
  if (!charged) return 'free-of-charge';
  return lines.some(({ StockCode }) => goods.test(StockCode)) ? undefined : 'only-fees';
}

/** Amounts are those of the goods; of a cancellation they are positive. */
function orderOf(number: string, first: Row, lines: readonly Row[], at: number): OracleEvent {
  const cancelled = number.startsWith('C');
  const products = lines
    .filter(({ StockCode }) => goods.test(StockCode))
    .map(({ StockCode, Quantity, UnitPrice }) => ({
      sku: StockCode,
      quantity: Number(Quantity) * (cancelled ? -1 : 1),
      price: Number(UnitPrice),
    }));
  const mills = products.reduce((sum, { quantity, price }) => sum + quantity * Math.round(price * 1000), 0);
  return {
    customer: first.CustomerID.replace(/\.0$/, ''),
    messageId: number,
    event: cancelled ? 'Order Refunded' : 'Order Completed',
    occurredAt: at,
    properties: { order_id: number, total: Math.round(mills / 10) / 100, products },
  };
}

function utc(local: string): number {
  return Date.parse(`${local.replace(' ', 'T')}Z`) - (local >= summer ? hour : 0);
}
