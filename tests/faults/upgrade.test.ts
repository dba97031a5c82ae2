import { mkdtempSync, rmSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster } from '../../infra/local/cluster.ts';
import type { Processor } from '../../runtime/processor.ts';
import type { Rejected } from '../../runtime/record.ts';
import { decodeCell, encodeCell, FORMAT, metaKey, POSITION_ID } from '../../runtime/state/layout.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import type { StoreEngine } from '../../runtime/state/store.ts';
import { type Checkpoint, checkpointOp } from '../../runtime/restore.ts';
import type { Position } from '../../runtime/take-over.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { jsonSerdes, testTopic } from '../../runtime/testing/json-serdes.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { Deployment } from './harness/deployment.ts';
import { spotless } from './harness/oracle.ts';

/** The folder of another version's checkout, with its packages: then that version takes part itself. */
const earlier = process.env['FRESHET_EARLIER'];
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

if (earlier !== undefined)
  describe('F36: an earlier version itself', () => {
    it('F36: runs on the topics and stores of this one, and this one on its, forth and back', async () => {
      const dataDir = mkdtempSync(clusterFolder);
      const cluster = await startLocalCluster({
        dataDir,
        shortLived: true,
        kafkaPort: 0,
        registryPort: 'none',
        log: () => undefined,
      });
      const deployment = await Deployment.create({ brokers: cluster.brokers, hosts: 1 });
      const host = deployment.host(0);
      try {
        for (const checkout of [earlier, undefined, earlier, undefined]) {
          const from = host.lines.length;
          host.start(checkout === undefined ? {} : { checkout });
          await host.until(() => host.said('started', undefined, from).length > 0);
          await deployment.produce(1_000);
          await deployment.settled();
          await host.stop();
          const warned = host
            .said('log', undefined, from)
            .map(({ message, reason }) => `; ${String(message)}: ${String(reason)}`);
          process.stderr.write(`freshet: F36 (${checkout === undefined ? 'this' : 'the earlier'} version)${warned.join('')}\n`);
        }
        expect(await deployment.judged('F36, versions changed 3', 3)).toEqual(spotless);
      } finally {
        await deployment.close();
        await cluster.stop();
        rmSync(dataDir, { recursive: true, force: true });
      }
    });
  });

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

  it('F36: takes a changelog that does not say its format for one of the first', async () => {
    const broker = new MemoryBroker();
    await version(broker, memoryEngine(), [1, 2, 3]);
    const changelog = 'sum-visits.changelog';
    for (const { key, value, partition } of broker.records(changelog).filter((one) => String(one.key) === POSITION_ID)) {
      const { format: _, ...position } = decodeCell(value ?? Buffer.alloc(1)).value as Position;
      broker.append(changelog, partition, [{ key, value: encodeCell({ value: position, due: [], hold: undefined }) }]);
    }
    const sums = await version(broker, memoryEngine(), [4]);
    const diff = keys.filter((key) => sums.get(key) !== 10).length;
    process.stderr.write(`freshet: F36 (a changelog without a format): records ${4 * keys.length}, state-diff ${diff}\n`);
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
      code: 'FORMAT_MISMATCH',
      message: `${changelog}-0 is of format ${FORMAT + 1}, this program reads ${FORMAT}: run the version that wrote it, or begin anew under another FRESHET_PREFIX`,
    });
    expect(broker.records(changelog)).toHaveLength(before + PARTITIONS);
    process.stderr.write(`freshet: F36: records ${sums.size * 3}, changelogs refused 1, records written to them 0\n`);
  });
});
