import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { partitionFor } from '../../runtime/partition.ts';
import { eventually } from '../support/eventually.ts';
import { sharedBrokers } from '../support/three-brokers.ts';
import { Deployment, SESSION_TIMEOUT_MS } from './harness/deployment.ts';
import { spotless } from './harness/oracle.ts';
import { PARTITIONS } from './hosts/topology.ts';

let brokers: readonly string[];
let deployment: Deployment | undefined;
beforeAll(async () => {
  brokers = await sharedBrokers();
});
afterEach(() => deployment?.close());

const task = 'sum-numbers-1';
const ofTask = (key: string): boolean => partitionFor(key, PARTITIONS) === 1;

describe('a process that dies in the middle of a transaction', () => {
  it.each([
    { name: 'F1', at: 'before-position', where: 'after its outputs and before its position' },
    { name: 'F2', at: 'before-commit', where: 'after its position and before the commit' },
    { name: 'F3', at: 'committed', where: 'after the commit and before the store has it' },
  ] as const)('$where leaves nothing twice and nothing out ($name)', async ({ name, at }) => {
    deployment = await Deployment.create({ brokers, hosts: 1 });
    const current = deployment;
    const host = current.host(0);
    host.start({ crash: { task, at, after: 4 } });
    await host.until(() => host.said('started').length > 0);
    const producing = (async () => {
      for (let i = 0; i < 40; i++) await current.produce(50);
    })();
    expect(await host.ended).toBe('SIGKILL');
    const died = Date.now();
    await producing;
    const before = current.rows('echoes').filter(({ key }) => ofTask(key)).length;
    const said = host.lines.length;
    host.start();
    await eventually(
      async () => current.rows('echoes').filter(({ key }) => ofTask(key)).length,
      (count) => expect(count).toBeGreaterThan(before),
    );
    const gap = Date.now() - died;
    await current.settled();
    const aborted = await current.abortedInLog();
    expect(await current.judged(`${name}, gap ${gap} ms, ${aborted} aborted records in the log`, 1)).toEqual(spotless);
    // The next owner's take-over ends the transaction: its time-out is not waited for.
    expect(gap).toBeLessThan(SESSION_TIMEOUT_MS + 3_000);
    if (at === 'committed') {
      const restored = host.said('log', 'restored', said).filter((line) => line['task'] === task);
      expect(restored.some((line) => Number(line['records']) > 0)).toBe(true);
    } else {
      expect(aborted).toBeGreaterThan(0);
    }
  });
});
