import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ruleReader } from '../../../processors/tag-freshness/apply-rules.ts';
import { callReader } from '../../../processors/tag-freshness/read-call.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { compileSource, eventNameOf } from '../../../schemas/source-schema.ts';
import { historyEvents, writeHistory } from './history.ts';
import { shopEvents } from './model.ts';
import { segmentChanges, segmentNames } from './segment-changes.ts';
import { feedOf, shopSources, toMessage, type ShopEvent, type ShopSource } from './shop-event.ts';

const day = 86_400_000;
const until = Date.UTC(2026, 0, 31, 12);
const history = [...historyEvents({ seed: 1, until })];

async function source(name: string): Promise<SourceConfig> {
  const text = await readFile(join(import.meta.dirname, '..', 'sources', `${name}.yaml`), 'utf8');
  return compileSource(parse(text), {});
}
const nameOf = ({ call }: ShopEvent): string => (call.kind === 'track' ? call.event : eventNameOf(call.kind));

describe('the history of the shop', () => {
  it('is sixty days of some 50,000 calls, the same for the same seed', () => {
    expect(history.length).toBeGreaterThan(40_000);
    expect(history.length).toBeLessThan(60_000);
    expect(history.every(({ at, source }) => source === 'shop' && at >= until - 60 * day && at < until)).toBe(true);
    expect(history[history.length - 1]?.at).toBeGreaterThan(until - day);
    const again = historyEvents({ seed: 1, until });
    expect(history.every(({ messageId }) => again.next().value?.messageId === messageId)).toBe(true);
  });

  it.each(segmentNames)('moves customers into and out of a segment within its last week: %s', (segment) => {
    const lastWeek = segmentChanges(history, segment, until).filter(({ at }) => at >= until - 7 * day);
    expect(lastWeek.filter(({ change }) => change === 'entered').length).toBeGreaterThan(0);
    expect(lastWeek.filter(({ change }) => change === 'left').length).toBeGreaterThan(0);
  });
});

describe('the file of the history', () => {
  let folder = '';
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds a call of the specification on each line, as its source declares them, and is there as a whole', async () => {
    folder = await mkdtemp(join(tmpdir(), 'shop-history-'));
    const path = join(folder, 'history.ndjson');
    const written = await writeHistory(path, { seed: 1, until, days: 5, events: 2000 });
    const text = await readFile(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(written).toEqual({ events: lines.length, bytes: Buffer.byteLength(text) });
    expect(await readdir(folder)).toEqual(['history.ndjson']);
    const config = await source('shop-history');
    expect(config).toMatchObject({
      mode: 'backfill',
      input: { kind: 'file', file: { format: 'ndjson' } },
      liveness: { kind: 'stated' },
    });
    const read = callReader(config);
    for (const line of lines) expect(read(JSON.parse(line)).kind).toBe('event');
    expect(new Set(history.map(nameOf))).toEqual(new Set(config.events));
  });
});

describe('the sources of the shop', () => {
  const start = Date.UTC(2026, 0, 5);
  const week = [...shopEvents({ seed: 1, start, end: start + 7 * day, eventsPerSecond: 0.01 })];

  it('take orders from the till as well, and its signs of life as no events', async () => {
    const config = await source('orders');
    const read = ruleReader(config, config.transform ?? []);
    const orders = week.filter((event) => feedOf(event) === 'orders');
    expect(new Set(orders.map(nameOf))).toEqual(new Set(config.events));
    for (const order of orders)
      expect(read(toMessage(order))).toMatchObject({
        kind: 'event',
        draft: { event: nameOf(order), occurredAt: order.occurredAt },
      });
    expect(read({ type: 'track', event: 'Till Open', anonymousId: 'till' })).toMatchObject({ kind: 'skipped' });
  });

  it.each(shopSources)(
    'take every call that is made to them, under the time at which it happened: %s',
    async (name: ShopSource) => {
      const config = await source(name);
      const read = config.transform === null ? callReader(config) : ruleReader(config, config.transform);
      const calls = week.filter(({ source }) => source === name);
      expect(calls.length).toBeGreaterThan(20);
      for (const call of calls) {
        const outcome = read(toMessage(call));
        expect(outcome).toMatchObject({
          kind: 'event',
          draft: { event: nameOf(call), messageId: call.messageId, occurredAt: call.occurredAt, ignored: [] },
        });
        if (config.events !== null) expect(config.events).toContain(nameOf(call));
      }
    },
  );

  it('carry each what it is about, so that only the clocks of visits and orders meet in one rule', async () => {
    expect((await source('shop')).events).toBeNull();
    expect((await source('stock')).events).toEqual(['Wish Counted', 'Stock Updated']);
    expect((await source('orders')).events).toEqual(['Order Completed', 'Order Refunded']);
    expect((await source('prices')).events).toEqual(['Price Changed']);
  });
});
