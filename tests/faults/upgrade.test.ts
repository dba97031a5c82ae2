import { describe, expect, it } from '@jest/globals';
import type { Processor } from '../../runtime/processor.ts';
import type { Rejected } from '../../runtime/record.ts';
import { decodeCell, encodeCell, FORMAT, metaKey, POSITION_ID } from '../../runtime/state/layout.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import type { StoreEngine } from '../../runtime/state/store.ts';
import { type Checkpoint, checkpointOp } from '../../runtime/restore.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { jsonSerdes, testTopic } from '../../runtime/testing/json-serdes.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';

const visits = testTopic<number>('visits');
const rejected = testTopic<Rejected>('rejected');
const PARTITIONS = 4;
const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);

const sumVisits: Processor = {
  name: 'sum-visits',
  inputs: [visits],
  outputs: [],
  upstream: [],
  process: ({ value }, { state }) => state.set('sum', (state.get<number>('sum') ?? 0) + (value as number)),
};

/** What a version of the program does between its start and its end; returns the sums that it left. */
async function version(
  broker: MemoryBroker,
  engine: StoreEngine,
  values: readonly number[],
): Promise<ReadonlyMap<string, number>> {
  const driver = await TopologyTestDriver.start({ processors: [sumVisits], serdes: jsonSerdes, rejected, broker, engine });
  for (const value of values) for (const key of keys) driver.pipe(visits, key, value);
  await driver.settle();
  const sums = new Map(keys.map((key) => [key, driver.state('sum-visits', key, 'sum') as number]));
  await driver.close();
  return sums;
}

/** Makes the local stores those of another version, which packs its values in another way. */
async function rewrite(engine: StoreEngine, format: number): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const store = await engine.open(`sum-visits-${partition}`);
    const checkpoint = JSON.parse(String(store.get(metaKey('checkpoint')))) as Checkpoint;
    const data = store.scan({ gte: Buffer.from('d'), lt: Buffer.from('e') });
    await store.write([
      ...data.map(({ key }) => ({ kind: 'put' as const, key, value: Buffer.from([format, 0xc1, 0xff]) })),
      checkpointOp({ ...checkpoint, format }),
    ]);
    await store.close();
  }
}

describe('F36: another version on the same topics and stores', () => {
  it.each([
    { which: 'an earlier', format: FORMAT - 1 },
    { which: 'a later', format: FORMAT + 1 },
  ])('F36: rebuilds stores of $which format from the changelog, to the same state, forth and back', async ({ which, format }) => {
    const [broker, engine] = [new MemoryBroker(), memoryEngine()];
    await version(broker, engine, [1, 2, 3]);
    await rewrite(engine, format);
    const forth = await version(broker, engine, [4]);
    await rewrite(engine, format);
    const back = await version(broker, engine, [5]);
    const diff = keys.filter((key) => forth.get(key) !== 10 || back.get(key) !== 15).length;
    process.stderr.write(
      `freshet: F36 (${which} format): records ${5 * keys.length}, stores rebuilt ${2 * PARTITIONS}, state-diff ${diff}\n`,
    );
    expect(diff).toBe(0);
  });

  it('F36: refuses a changelog of another format with what to do, and leaves it as it is', async () => {
    const [broker, engine] = [new MemoryBroker(), memoryEngine()];
    const sums = await version(broker, engine, [1, 2, 3]);
    const changelog = 'sum-visits.changelog';
    const before = broker.records(changelog).length;
    const last = broker.records(changelog).findLast(({ key }) => String(key) === POSITION_ID)?.value ?? Buffer.alloc(1);
    expect(decodeCell(last).value).toMatchObject({ format: FORMAT });
    const value = encodeCell({ value: { format: FORMAT + 1, inputs: {}, watermarks: {} }, due: [], hold: undefined });
    for (let partition = 0; partition < PARTITIONS; partition++)
      broker.append(changelog, partition, [{ key: Buffer.from(POSITION_ID), value }]);
    const refusal = await version(broker, memoryEngine(), [4]).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'TOPIC_MISMATCH',
      message: `${changelog}-0 is of format ${FORMAT + 1}, this program reads ${FORMAT}: run the version that wrote it, or reset the processor`,
    });
    expect(broker.records(changelog)).toHaveLength(before + PARTITIONS);
    process.stderr.write(`freshet: F36: records ${sums.size * 3}, changelogs refused 1, records written to them 0\n`);
  });
});
