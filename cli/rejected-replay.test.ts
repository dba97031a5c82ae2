import { afterEach, describe, expect, it } from '@jest/globals';
import { prefixedNames } from '../runtime/environment.ts';
import type { Processor } from '../runtime/processor.ts';
import { header } from '../runtime/record.ts';
import { TopologyTestDriver } from '../runtime/testing/driver.ts';
import { testTopic } from '../runtime/testing/json-serdes.ts';
import { createRawDecoder } from '../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { compileRepair, type RepairOptions } from './rejected-repair.ts';
import { type ReplayOptions, type ReplayOutcome, replayRejected } from './rejected-replay.ts';

const orders = testTopic<{ total: number }>('orders');
let driver: TopologyTestDriver;
let isBroken = true;
afterEach(() => driver.close());

/** Two processors read the same topic; the first throws for as long as it is broken. */
async function start(): Promise<ReplayOptions> {
  isBroken = true;
  const reading = (name: string, isFragile: boolean): Processor => ({
    name,
    inputs: [orders],
    outputs: [],
    upstream: [],
    process: ({ value }, { state }) => {
      if (isFragile && isBroken) throw new Error('out of order');
      state.set('sum', (state.get<number>('sum') ?? 0) + (value as { total: number }).total);
    },
  });
  const registry = new MemoryRegistry();
  const serdes = createSerdes({ registry, topics: [topics.eventsRejected] });
  await serdes.register();
  const processors = [reading('add-up', true), reading('audit', false)];
  driver = await TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected });
  return {
    kafka: driver.broker.client(),
    serdes,
    names: prefixedNames(''),
    rawDecoder: createRawDecoder({ registry }),
    topics: new Map([[orders.name, orders]]),
    sources: [],
    secret: 'a secret',
    filter: {},
    repair: compileRepair({}),
    dryRun: false,
    now: () => driver.clock.now(),
    report: () => undefined,
  };
}

async function replay(options: ReplayOptions, repair: RepairOptions = {}): Promise<readonly ReplayOutcome['kind'][]> {
  const said: ReplayOutcome['kind'][] = [];
  await replayRejected({ ...options, repair: compileRepair(repair), report: (_, { kind }) => said.push(kind) });
  await driver.settle();
  return said;
}

const sums = (): unknown[] => ['add-up', 'audit'].map((name) => driver.state(name, 'ada', 'sum'));

describe('a record that a later step could not process', () => {
  it('goes back to the input of that step, and only to the one that had refused it', async () => {
    const options = await start();
    driver.pipe(orders, 'ada', { total: 5 }, { headers: { 'message-id': 'm1' } });
    await driver.settle();
    expect(sums()).toEqual([undefined, 5]);
    isBroken = false;
    expect(await replay(options)).toEqual(['sent']);
    expect(sums()).toEqual([5, 5]);
    const [, again] = driver.read(orders);
    expect(again).toMatchObject({ key: 'ada', partition: driver.read(topics.eventsRejected)[0]?.partition });
    expect(['message-id', 'replay-of', 'replay-for'].map((name) => header(again?.headers ?? {}, name))).toEqual([
      'm1',
      `${again?.partition}/0`,
      'add-up',
    ]);
  });

  it('can be repaired on the way', async () => {
    const options = await start();
    driver.pipe(orders, 'ada', { total: 5 });
    await driver.settle();
    isBroken = false;
    expect(await replay(options, { cel: ['total=record.total * 2'] })).toEqual(['sent']);
    expect(sums()).toEqual([10, 5]);
  });

  it('that is refused again lies there anew, and can be replayed from there', async () => {
    const options = await start();
    driver.pipe(orders, 'ada', { total: 5 });
    await driver.settle();
    expect(await replay(options)).toEqual(['sent']);
    isBroken = false;
    expect((await replay(options)).toSorted()).toEqual(['already', 'sent']);
    expect((await replay(options)).toSorted()).toEqual(['already', 'already']);
    expect(sums()).toEqual([5, 5]);
  });
});

describe('a replay', () => {
  it('that only says what it would do sends nothing', async () => {
    const options = await start();
    driver.pipe(orders, 'ada', { total: 5 });
    await driver.settle();
    isBroken = false;
    expect(await replay({ ...options, dryRun: true })).toEqual(['sent']);
    expect(sums()).toEqual([undefined, 5]);
    expect(await replay(options)).toEqual(['sent']);
  });

  it('has its effect once, when several run at the same time', async () => {
    const options = await start();
    for (let i = 0; i < 50; i++) driver.pipe(orders, 'ada', { total: 1 });
    await driver.settle();
    isBroken = false;
    const ended = await Promise.allSettled([replay(options), replay(options), replay(options)]);
    expect(ended.some(({ status }) => status === 'fulfilled')).toBe(true);
    await replay(options);
    expect(sums()).toEqual([50, 50]);
  });

  it('says why a record stays where it is', async () => {
    const options = await start();
    driver.pipe(orders, 'ada', { total: 5 });
    await driver.settle();
    const outcomes: ReplayOutcome[] = [];
    await replayRejected({ ...options, topics: new Map(), report: (_, outcome) => outcomes.push(outcome) });
    expect(outcomes).toEqual([{ kind: 'kept', reason: 'nobody reads orders any more' }]);
  });
});
