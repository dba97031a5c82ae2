import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { eventually } from '../support/eventually.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';
import { Deployment, SESSION_TIMEOUT_MS } from './harness/deployment.ts';
import { spotless } from './harness/oracle.ts';
import { PARTITIONS } from './hosts/topology.ts';

let cluster: LocalCluster;
let deployment: Deployment | undefined;
beforeAll(async () => {
  cluster = await startThreeBrokers();
});
afterEach(() => deployment?.close());
afterAll(() => cluster.stop());

const task = 'sum-numbers-1';
const ofTask = (key: string): boolean => partitionFor(key, PARTITIONS) === 1;

describe('a process that dies in the middle of a transaction', () => {
  it.each([
    { name: 'F1', at: 'before-position', where: 'after its outputs and before its position' },
    { name: 'F2', at: 'before-commit', where: 'after its position and before the commit' },
    { name: 'F3', at: 'committed', where: 'after the commit and before the store has it' },
  ] as const)('$where leaves nothing twice and nothing out ($name)', async ({ name, at }) => {
    deployment = await Deployment.create({ brokers: cluster.brokers, hosts: 1 });
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

describe('a process that sleeps until its tasks have gone to another', () => {
  it.each([
    { at: 'processed', where: 'just before its transaction' },
    { at: 'committed', where: 'just before it writes to its store' },
  ] as const)('$where is refused when it wakes, and takes part again (F6)', async ({ at }) => {
    deployment = await Deployment.create({ brokers: cluster.brokers, hosts: 2 });
    const sleeper = deployment.host(0);
    const other = deployment.host(1);
    sleeper.start({ crash: { task, at, after: 4, signal: 'SIGSTOP' } });
    await sleeper.until(() => sleeper.said('started').length > 0);
    for (let i = 0; i < 20; i++) await deployment.produce(50);
    await sleeper.until(() => sleeper.said('crash').length > 0);
    other.start();
    await deployment.settled();
    const seen = deployment.rows('echoes').length;
    sleeper.signal('SIGCONT');
    const from = sleeper.lines.length;
    const gone = (): unknown[] => sleeper.said('log', 'task has gone to another owner', from).map((line) => line['task']);
    const back = (): boolean => sleeper.tasks.length < 2 * PARTITIONS && sleeper.tasks.every(({ state }) => state === 'running');
    await sleeper.until(() => sleeper.said('status', undefined, from).length > 0 && back());
    expect(deployment.rows('echoes')).toHaveLength(seen);
    for (let i = 0; i < 20; i++) await deployment.produce(50);
    await deployment.settled();
    expect(await deployment.judged(`F6, tasks fenced ${gone().length}`, 1)).toEqual(spotless);
  });
});
