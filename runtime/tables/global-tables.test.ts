import { afterEach, describe, expect, it } from '@jest/globals';
import type { Processor } from '../processor.ts';
import type { Rejected } from '../record.ts';
import { TopologyTestDriver } from '../testing/driver.ts';
import { jsonSerdes, testTopic } from '../testing/json-serdes.ts';
import { MemoryBroker } from '../testing/memory-kafka.ts';
import { type Lookup, noTables } from './global-tables.ts';

const said = testTopic<{ price: number }>('said');
const prices = testTopic<{ price: number }>('prices');
const told = testTopic<{ price: number }>('told');
const found = testTopic<{ told: number; read: number | null }>('found');
const rejected = testTopic<Rejected>('rejected');

/** Writes the row and tells of it in one transaction. */
const keep: Processor = {
  name: 'keep-prices',
  inputs: [said],
  outputs: [prices, told],
  upstream: [],
  process: ({ key, value }, context) => {
    context.forward(prices, key, value as { price: number });
    context.forward(told, key, value as { price: number });
  },
};

/** Looks up what it is told of. */
function lookUp(isBehind: boolean): Processor {
  let tables: Lookup = noTables;
  return {
    name: 'look-up',
    inputs: [told],
    outputs: [found],
    tables: [prices],
    upstream: [],
    open: (opened) => {
      tables = opened;
    },
    ...(isBehind ? { behind: () => [prices] } : {}),
    process: ({ key, value }, context) => {
      const read = tables.row(prices, key)?.value.price ?? null;
      context.forward(found, key, { told: (value as { price: number }).price, read });
    },
  };
}

let driver: TopologyTestDriver | undefined;
afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

/** What is read of each price that is told, where every answer of the broker may come late. */
async function readOf(isBehind: boolean, seed: number): Promise<{ told: number; read: number | null }[]> {
  const broker = new MemoryBroker({ nastiness: { seed, delayedDelivery: true, staleHighWatermark: true, maxTurns: 20 } });
  driver = await TopologyTestDriver.start({ processors: [keep, lookUp(isBehind)], serdes: jsonSerdes, rejected, broker });
  for (let price = 20; price > 0; price--) {
    driver.pipe(said, 'book', { price });
    if (price % 4 === 0) await driver.settle();
  }
  await driver.settle();
  const all = driver.read(found).map(({ value }) => value);
  await driver.close();
  driver = undefined;
  return all;
}

const isStale = ({ told: price, read }: { told: number; read: number | null }): boolean => read === null || read > price;

describe('a global table', () => {
  it('has been read as far as a record was made from it before that is processed, however late it comes', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const all = await readOf(true, seed);
      expect(all).toHaveLength(20);
      expect(all.filter(isStale)).toEqual([]);
    }
  });

  it('would be behind otherwise', async () => {
    let stale = 0;
    for (let seed = 0; seed < 6; seed++) stale += (await readOf(false, seed)).filter(isStale).length;
    expect(stale).toBeGreaterThan(0);
  });
});
