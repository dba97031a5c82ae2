import { afterEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from './clock.ts';
import type { Processor } from './processor.ts';
import type { Rejected } from './record.ts';
import { memoryEngine } from './state/memory.ts';
import type { CrashPoint } from './task.ts';
import { TopologyTestDriver } from './testing/driver.ts';
import { jsonSerdes, testTopic } from './testing/json-serdes.ts';
import { MemoryBroker } from './testing/memory-kafka.ts';
import { compose } from './topology.ts';
import type { Claim } from './watermarks/contract.ts';

interface Sale {
  readonly amount: number;
  readonly at: number;
}

const sales = testTopic<Sale>('sales');
const totals = testTopic<{ total: number; count: number }>('totals');
const reminders = testTopic<{ at: number }>('reminders');
const rejected = testTopic<Rejected>('rejected');

/** Sums per key, and reminds once when the clock of the shop is an hour past the last sale. */
const sumSales: Processor = {
  name: 'sum-sales',
  inputs: [sales],
  outputs: [totals, reminders],
  upstream: ['shop-feed'],
  parts: () => ['sum'],
  process: (record, context) => {
    const sale = record.value as Sale;
    const before = context.state.get<{ total: number; count: number }>('sum') ?? { total: 0, count: 0 };
    const after = { total: before.total + sale.amount, count: before.count + 1 };
    if (sale.amount === 13) throw new Error('unlucky');
    context.state.set('sum', after, { due: [{ clock: 'shop', at: sale.at + 60 }] });
    context.forward(totals, record.key, after);
  },
  onTimer: (timer, context) => context.forward(reminders, timer.key, { at: timer.at }),
};

let driver: TopologyTestDriver | undefined;
afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

describe('a task', () => {
  it('keeps the state of each key and sends in the order of its records', async () => {
    driver = await TopologyTestDriver.start({ processors: [sumSales], serdes: jsonSerdes, rejected });
    for (const amount of [1, 2, 3]) driver.pipe(sales, 'a', { amount, at: 10 });
    driver.pipe(sales, 'b', { amount: 10, at: 10 });
    await driver.settle();
    const sums = driver.read(totals).map(({ key, value }) => `${key}:${value.total}`);
    expect(sums.filter((text) => text.startsWith('a'))).toEqual(['a:1', 'a:3', 'a:6']);
    expect(sums).toContain('b:10');
    expect(driver.state('sum-sales', 'a', 'sum')).toEqual({ total: 6, count: 3 });
  });

  it('fires a timer once, when the watermark has reached it and not before', async () => {
    driver = await TopologyTestDriver.start({ processors: [sumSales], serdes: jsonSerdes, rejected });
    driver.pipe(sales, 'a', { amount: 1, at: 100 });
    await driver.watermark('shop', 159);
    expect(driver.read(reminders)).toHaveLength(0);
    await driver.watermark('shop', 160);
    expect(driver.read(reminders).map(({ value }) => value.at)).toEqual([160]);
    await driver.watermark('shop', 9999);
    expect(driver.read(reminders)).toHaveLength(0);
  });

  it('fires what is due at one moment in transactions of limited time, each once', async () => {
    const clock = new ManualClock(0);
    const slow: Processor = { ...sumSales, onTimer: (...all) => (clock.advance(2), sumSales.onTimer?.(...all)) };
    driver = await TopologyTestDriver.start({ processors: [slow], serdes: jsonSerdes, rejected, clock, partitions: 1 });
    for (let i = 0; i < 350; i++) driver.pipe(sales, `k${i}`, { amount: 1, at: 100 });
    await driver.settle();
    const task = driver.tasks[0];
    const before = task?.steps ?? 0;
    await driver.watermark('shop', 160);
    expect(task?.steps).toBe(before + 4);
    const rung = driver.read(reminders).map(({ key }) => key);
    expect([rung.length, new Set(rung).size]).toEqual([350, 350]);
  });

  it('forgets a due that a later write has replaced', async () => {
    driver = await TopologyTestDriver.start({ processors: [sumSales], serdes: jsonSerdes, rejected });
    driver.pipe(sales, 'a', { amount: 1, at: 100 });
    await driver.settle();
    driver.pipe(sales, 'a', { amount: 1, at: 150 });
    await driver.watermark('shop', 180);
    expect(driver.read(reminders)).toHaveLength(0);
    await driver.watermark('shop', 210);
    expect(driver.read(reminders)).toHaveLength(1);
  });

  it('sends a record that makes process throw to the rejected topic, leaves nothing else of it, and goes on', async () => {
    driver = await TopologyTestDriver.start({ processors: [sumSales], serdes: jsonSerdes, rejected });
    for (const amount of [1, 13, 2]) driver.pipe(sales, 'a', { amount, at: 10 });
    driver.broker.append('sales', 0, [{ key: Buffer.from('x'), value: Buffer.from('{') }]);
    await driver.settle();
    expect(driver.read(totals).map(({ value }) => value.total)).toEqual([1, 3]);
    const refused = driver.read(rejected).map(({ value }) => value.step);
    expect(refused.sort()).toEqual(['decode', 'process']);
  });

  it.each([
    [
      'keeps its position with every record, also one that leaves nothing behind: read again later it might leave something',
      undefined,
    ],
    ['needs no transaction for records that leave nothing behind where silence is final', true],
  ] as const)('%s', async (_, final) => {
    const silent: Processor = { ...sumSales, process: () => undefined, ...(final ? { silenceIsFinal: final } : {}) };
    const clock = new ManualClock(0);
    driver = await TopologyTestDriver.start({ processors: [silent], serdes: jsonSerdes, rejected, clock, partitions: 1 });
    const logged = (): number => driver?.broker.records('sum-sales.changelog').length ?? 0;
    const before = logged();
    driver.pipe(sales, 'a', { amount: 1, at: 10 });
    await driver.settle();
    if (final) expect(logged()).toBe(before);
    else expect(logged()).toBeGreaterThan(before);
  });

  it('of the first processor claims when each source was last heard of, also where sources share a topic', async () => {
    const signs = new Map<string, number>();
    const nothing = async (): Promise<void> => undefined;
    const claim = ({ source, sign = 0 }: Claim): void => void signs.set(source, Math.max(sign, signs.get(source) ?? 0));
    const claims = { claim, retire: nothing, tick: nothing, flush: nothing, close: nothing };
    const first = { ...sumSales, upstream: ['feed'] };
    driver = await TopologyTestDriver.start({ processors: [first], serdes: jsonSerdes, rejected, claims });
    for (const [source, timestamp] of Object.entries({ till: 5_000, counter: 7_000 })) {
      driver.pipe(sales, source, { amount: 1, at: 10 }, { headers: { source }, timestamp: timestamp - 1_000 });
      driver.pipe(sales, source, { amount: 1, at: 10 }, { headers: { source }, timestamp });
    }
    for (const source of ['till', 'counter', 'warehouse']) await driver.watermark(source, 1);
    expect(Object.fromEntries(signs)).toEqual({ till: 5_000, counter: 7_000, warehouse: 0 });

    // A source that gives its last sign just before a crash has given it.
    signs.clear();
    for (const task of driver.tasks) await task.takeOver();
    for (const source of ['till', 'counter', 'warehouse']) await driver.watermark(source, 2);
    expect(Object.fromEntries(signs)).toEqual({ till: 5_000, counter: 7_000, warehouse: 0 });
  });

  it('says so when a processor forwards to a topic that it does not declare', async () => {
    const wrong: Processor = {
      ...sumSales,
      outputs: [totals],
      process: (record, context) => context.forward(reminders, record.key, { at: 1 }),
    };
    driver = await TopologyTestDriver.start({ processors: [wrong], serdes: jsonSerdes, rejected });
    driver.pipe(sales, 'a', { amount: 1, at: 1 });
    await expect(driver.settle()).rejects.toMatchObject({ code: 'UNDECLARED_OUTPUT' });
  });

  it('gives the result of an undisturbed run after a crash between any two of its steps', async () => {
    const points: CrashPoint[] = ['decoded', 'fetched', 'processed', 'committed', 'written'];
    const plan = fc.array(fc.record({ point: fc.constantFrom(...points), after: fc.nat(12) }), { maxLength: 4 });
    const input = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), amount: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(input, plan, async (events, crashes) => {
        const broker = new MemoryBroker();
        const engine = memoryEngine();
        const pending = [...crashes];
        let countdown = pending[0]?.after ?? 0;
        const crash = (point: CrashPoint): void => {
          const next = pending[0];
          if (!next || next.point !== point || countdown-- > 0) return;
          pending.shift();
          countdown = pending[0]?.after ?? 0;
          throw new Error('crash');
        };
        let run = await TopologyTestDriver.start({ processors: [sumSales], serdes: jsonSerdes, rejected, broker, engine, crash });
        let i = 0;
        const outputs: string[] = [];
        const again = async (work: () => Promise<void>): Promise<void> => {
          for (;;) {
            try {
              await work();
              return;
            } catch {
              await run.close();
              run = await TopologyTestDriver.start({
                processors: [sumSales],
                serdes: jsonSerdes,
                rejected,
                broker,
                engine,
                crash,
              });
            }
          }
        };
        for (const { key, amount } of events) {
          run.pipe(sales, key, { amount, at: 100 });
          if (++i % 5 === 0) await again(() => run.settle());
        }
        await again(() => run.settle());
        await again(() => run.watermark('shop', 1000));
        outputs.push(...run.read(totals).map(({ key, value }) => `${key}:${value.total}:${value.count}`));
        const reminded = run.read(reminders).map(({ key }) => key);
        const model = new Map<string, { total: number; count: number }>();
        const expected: string[] = [];
        for (const { key, amount } of events) {
          const before = model.get(key) ?? { total: 0, count: 0 };
          const after = { total: before.total + amount, count: before.count + 1 };
          model.set(key, after);
          expected.push(`${key}:${after.total}:${after.count}`);
        }
        expect(outputs.sort()).toEqual(expected.sort());
        expect(reminded.sort()).toEqual([...model.keys()].sort());
        await run.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('composed processors', () => {
  const seen = testTopic<{ total: number }>('seen');
  const watchTotals: Processor = {
    name: 'watch-totals',
    inputs: [totals],
    outputs: [seen],
    upstream: [],
    process: (record, context) => {
      const count = (context.state.get<number>('sum') ?? 0) + 1;
      context.state.set('sum', count);
      context.forward(seen, record.key, { total: count });
    },
  };

  it('hand records on in process, publish them too, and keep their parts apart', async () => {
    const both = compose('both', [sumSales, watchTotals]);
    expect(both.inputs.map(({ name }) => name)).toEqual(['sales']);
    driver = await TopologyTestDriver.start({ processors: [both], serdes: jsonSerdes, rejected });
    for (const amount of [5, 6]) driver.pipe(sales, 'a', { amount, at: 10 });
    await driver.watermark('shop', 100);
    expect(driver.read(totals)).toHaveLength(2);
    expect(driver.read(seen).map(({ value }) => value.total)).toEqual([1, 2]);
    expect(driver.read(reminders)).toHaveLength(1);
    expect(driver.parts('both', 'a')).toEqual(['sum-sales/sum', 'watch-totals/sum']);
  });
});

describe('the end of a source', () => {
  it('takes it out of the clocks of others, and leaves a clock of its own where it ended', async () => {
    const both: Processor = {
      ...sumSales,
      process: (record, context) => {
        const { at } = record.value as Sale;
        context.state.set('alone', at, { due: [{ clock: 'history', at: at + 60 }] });
        context.state.set('both', at, { due: [{ clock: 'history+shop', at: at + 60 }] });
      },
    };
    driver = await TopologyTestDriver.start({ processors: [both], serdes: jsonSerdes, rejected });
    driver.pipe(sales, 'a', { amount: 1, at: 100 });
    await driver.watermark('shop', 500);
    await driver.watermark('history', 120);
    expect(driver.read(reminders)).toHaveLength(0);
    await driver.end('history');
    expect(driver.read(reminders).map(({ value }) => value.at)).toEqual([160]);
    expect(driver.tasks[0]?.watermarks.source('history')).toBe(Number.POSITIVE_INFINITY);
    expect(driver.tasks[0]?.watermarks.clock('history')).toBe(120);
  });
});

describe('a processor that throws at everything', () => {
  it('is stopped after a hundred records in a row, before their refusal is committed', async () => {
    const broken: Processor = {
      ...sumSales,
      process: () => {
        throw new Error('broken');
      },
    };
    driver = await TopologyTestDriver.start({ processors: [broken], serdes: jsonSerdes, rejected });
    for (let i = 0; i < 150; i++) driver.pipe(sales, 'a', { amount: i, at: 10 });
    await expect(driver.settle()).rejects.toMatchObject({ code: 'POISON_LIMIT' });
    expect(driver.read(rejected)).toHaveLength(0);
  });
});
