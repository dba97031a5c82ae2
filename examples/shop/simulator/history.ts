import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { shopEvents } from './model.ts';
import { toMessage, type ShopEvent } from './shop-event.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Where history ends and the present begins, epoch milliseconds. */
  readonly until: number;
  /** 60 when left out. */
  readonly days?: number;
  /** About so many; 50,000 when left out. */
  readonly events?: number;
  readonly customers?: number;
}

const day = 86_400_000;

/** What the customers of the shop did before the present, in the order of time. The same options give the same events. */
export function* historyEvents({
  seed,
  until,
  days = 60,
  events = 50_000,
  customers,
}: HistoryOptions): Generator<ShopEvent, void> {
  const start = until - days * day;
  const eventsPerSecond = events / (days * 86_400);
  const shop = shopEvents({ seed, start, end: until, eventsPerSecond, ...(customers === undefined ? {} : { customers }) });
  for (const event of shop) if (event.source === 'shop') yield event;
}

/** Writes history as one call of the Segment specification per line. The file is there whole or not at all. */
export async function writeHistory(
  path: string,
  options: HistoryOptions,
): Promise<{ readonly events: number; readonly bytes: number }> {
  const partial = `${path}.partial`;
  const file = createWriteStream(partial);
  const written = finished(file);
  let events = 0;
  for (const event of historyEvents(options)) {
    events += 1;
    if (!file.write(`${JSON.stringify(toMessage(event))}\n`)) await Promise.race([once(file, 'drain'), written]);
  }
  file.end();
  await written;
  await rename(partial, path);
  return { events, bytes: file.bytesWritten };
}
