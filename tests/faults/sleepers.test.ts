import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sharedBrokers } from '../support/three-brokers.ts';
import { Deployment } from './harness/deployment.ts';
import { spotless } from './harness/oracle.ts';
import { PARTITIONS } from './hosts/topology.ts';

let brokers: readonly string[];
let deployment: Deployment | undefined;
beforeAll(async () => {
  brokers = await sharedBrokers();
});
afterEach(() => deployment?.close());

const task = 'sum-numbers-1';

describe('a process that sleeps until its tasks have gone to another', () => {
  it.each([
    { at: 'processed', where: 'just before its transaction' },
    { at: 'committed', where: 'just before it writes to its store' },
  ] as const)('$where is refused when it wakes, and takes part again (F6)', async ({ at }) => {
    deployment = await Deployment.create({ brokers, hosts: 2 });
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
