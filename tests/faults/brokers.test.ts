import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { Cluster } from '../../runtime/kafka/cluster.ts';
import type { CoordinatorKind } from '../../runtime/kafka/requests-cluster.ts';
import { deadlineIn, retrying } from '../../runtime/kafka/retry.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';
import { compareReaders } from './harness/compared.ts';
import { Deployment } from './harness/deployment.ts';
import { inSync } from './harness/in-sync.ts';
import { spotless } from './harness/oracle.ts';
import { kept, type Promised, Senders } from './harness/senders.ts';
import { PARTITIONS, processors } from './hosts/topology.ts';

const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);

let cluster: LocalCluster;
let deployment: Deployment;
let senders: Senders;
let stop: () => Promise<void>;
const prefixes: string[] = [];
beforeAll(async () => {
  cluster = await startThreeBrokers();
});
afterEach(async () => {
  await senders.close();
  await stop();
  await deployment.close();
});
afterAll(() => cluster.stop());

/** Two hosts and a gateway at work, under load. */
async function underLoad(): Promise<void> {
  deployment = await Deployment.create({ brokers: cluster.brokers, hosts: 2 });
  prefixes.push(deployment.prefix);
  senders = new Senders(deployment);
  stop = deployment.steadily(40, 150);
  for (const host of deployment.hosts) host.start();
  await senders.start();
  for (const host of deployment.hosts) await host.until(() => host.said('started').length > 0);
}

/** Everything is counted that was acknowledged, in the log and by the gateway. */
async function judged(name: string, faults: number): Promise<Promised> {
  await stop();
  await deployment.settled();
  const promised = await senders.stop();
  const { accepted, refused, lost, duplicated, outOfOrder } = promised;
  const gateway = `accepted ${accepted}, refused ${refused}, then lost ${lost}, duplicated ${duplicated}, out-of-order ${outOfOrder}`;
  expect(await deployment.judged(`${name}, gateway: ${gateway}`, faults, 'ours')).toEqual(spotless);
  expect([lost, duplicated, outOfOrder, promised.unadvised, promised.unexpected]).toEqual([0, 0, 0, 0, 0]);
  expect(accepted).toBeGreaterThan(100);
  return promised;
}

const transactions = (): number => deployment.hosts.reduce((sum, host) => sum + host.figure('transactions'), 0);

/** One broker after the other goes and comes back, the next when all partitions are whole again. */
async function eachInTurn(signal: 'SIGKILL' | 'SIGTERM', whileAway: (index: number) => Promise<unknown>): Promise<void> {
  for (const index of cluster.brokers.keys()) {
    await cluster.kill(index, signal);
    await whileAway(index);
    await cluster.restart(index);
    await inSync(cluster.brokers);
  }
}

/** Broker index that coordinates the first group, and how many transactional ids each broker coordinates, by index. */
async function coordinators(): Promise<{ readonly ofGroup: number; readonly ids: readonly number[] }> {
  const client = new Cluster({ brokers: cluster.brokers, clientId: 'coordinators' });
  await client.refresh();
  const [first] = processors;
  // The topic that holds them is made when the first of its kind is asked for.
  const coordinatorOf = (kind: CoordinatorKind, name: string): Promise<number> =>
    retrying(client, { deadline: deadlineIn(30_000) }, () => client.coordinator(kind, deployment.prefix + name));
  const node = await coordinatorOf('group', first.name);
  const tasks = processors.flatMap(({ name }) => Array.from({ length: PARTITIONS }, (_, partition) => `${name}-${partition}`));
  const nodes = await Promise.all(tasks.map((task) => coordinatorOf('transaction', task)));
  await client.close();
  return { ofGroup: node - 1, ids: cluster.brokers.map((_, index) => nodes.filter((one) => one === index + 1).length) };
}

describe('a fan-out over three brokers, with a gateway in front', () => {
  it('F8, F13: loses, doubles and swaps nothing while each broker in turn is killed, and goes on when it was the coordinator', async () => {
    await underLoad();
    const { ofGroup, ids } = await coordinators();
    const moved = ids[ofGroup] ?? 0;
    const paces: number[] = [];
    await eachInTurn('SIGKILL', async (index) => {
      const [before, began] = [transactions(), Date.now()];
      await deployment.host(0).until(() => transactions() >= before + 100);
      paces[index] = Date.now() - began;
    });
    const pace = `1 group and ${moved} transactional ids moved, 100 transactions in ${paces[ofGroup]} ms`;
    await judged(`F8, F13: ${pace}`, 3);
    expect(ids.some((count) => count > 0)).toBe(true);
    expect(Math.max(...paces)).toBeLessThan(60_000);
  });

  it('F9: loses nothing that was answered with 200 while the brokers are restarted in order', async () => {
    await underLoad();
    await eachInTurn('SIGTERM', () => delay(500));
    await judged('F9', 3);
  });

  it('F11: neither stalls nor loses when a broker stops in the middle of everything for twenty seconds', async () => {
    await underLoad();
    const from = [...deployment.hosts, senders.gateway].map((host) => ({ host, line: host.lines.length }));
    // The one that most transactions ask, so that some of them are in its hands.
    const { ids } = await coordinators();
    const busiest = ids.indexOf(Math.max(...ids));
    await cluster.kill(busiest, 'SIGSTOP');
    await delay(20_000);
    await cluster.kill(busiest, 'SIGCONT');
    await stop();
    await deployment.settled();
    const stalled = Math.max(...from.map(({ host, line }) => host.stalledMs(line)));
    const timedOut = from
      .flatMap(({ host, line }) => host.said('log', 'task takes over afresh', line))
      .map((line) => line['reason']);
    await judged(`F11, longest stall ${stalled} ms, ${timedOut.length} tasks took over afresh`, 1);
    expect(stalled).toBeLessThan(1_000);
    expect(timedOut.filter((reason) => /timed out/i.test(String(reason))).length).toBeGreaterThan(0);
    await inSync(cluster.brokers);
  });
});

it('F8, F9, F11, F13: have left what Kafka reads as we do', async () => {
  const { records, onlyOurs, onlyTheirs } = await compareReaders(cluster.brokers, prefixes);
  say(`F8, F9, F11, F13: compared ${records} records, only ours ${onlyOurs}, only Kafka's ${onlyTheirs}`);
  expect([onlyOurs, onlyTheirs]).toEqual([0, 0]);
  expect(records).toBeGreaterThan(1_000);
});

describe('the judge of what the gateway promised', () => {
  const ids = ['0-0', '0-1', '1-0', '0-2'];
  const once = new Map(ids.map((id) => [id, 1]));
  const accepted = new Set(ids);

  it('finds an event lost, doubled or swapped, and excuses one that was sent twice', () => {
    expect(kept(accepted, once, ids)).toEqual({ lost: 0, duplicated: 0, outOfOrder: 0 });
    expect(kept(accepted, once, ids.slice(1)).lost).toBe(1);
    expect(kept(accepted, once, [...ids, '1-0']).duplicated).toBe(1);
    expect(kept(accepted, new Map(once).set('1-0', 2), [...ids, '1-0']).duplicated).toBe(0);
    expect(kept(accepted, once, ids.toReversed()).outOfOrder).toBe(2);
  });
});
