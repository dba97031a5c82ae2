import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { type LocalCluster, startLocalCluster } from '../../infra/local/cluster.ts';
import { compareReaders } from './harness/compared.ts';
import { Deployment } from './harness/deployment.ts';
import { spotless } from './harness/oracle.ts';
import { fair, KafkaProxy } from './harness/proxy.ts';
import { randomOf } from './harness/random.ts';
import { Senders } from './harness/senders.ts';

/** FRESHET_FAULTS=long: for as long as RELIABILITY asks, by hand; CI does less. */
const long = process.env['FRESHET_FAULTS'] === 'long';
if (long) jest.setTimeout(900_000);
const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
const MB = 1_000_000;

let dataDir: string;
let cluster: LocalCluster;
let deployment: Deployment;
const prefixes: string[] = [];
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  dataDir = mkdtempSync(clusterFolder);
  cluster = await startLocalCluster({
    dataDir,
    shortLived: true,
    brokers: 1,
    kafkaPort: 0,
    registryPort: 'none',
    log: () => undefined,
  });
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
afterAll(async () => {
  await cluster.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function deploy(hosts: number, hostBrokers: readonly string[] = cluster.brokers): Promise<void> {
  deployment = await Deployment.create({ brokers: cluster.brokers, hostBrokers, hosts });
  closers.push(() => deployment.close());
  prefixes.push(deployment.prefix);
  for (const host of deployment.hosts) host.start();
  for (const host of deployment.hosts) await host.until(() => host.said('started').length > 0);
}

describe('the only broker', () => {
  it('F10: may be away for a while: the gateway says when to come again, and what it took is there', async () => {
    await deploy(1);
    const senders = new Senders(deployment);
    await senders.start();
    closers.push(() => senders.close());
    const stop = deployment.steadily(40, 150);
    closers.push(stop);
    const processes = [deployment.host(0), senders.gateway];
    const marks = processes.map((host) => ({ host, line: host.lines.length, rss: 0 }));
    await delay(3_000);
    for (const mark of marks) mark.rss = mark.host.figure('rssBytes');
    await cluster.kill(0, 'SIGKILL');
    await delay(long ? 60_000 : 20_000);
    const refused = senders.refused;
    await cluster.restart(0);
    await stop();
    await deployment.settled();
    const promised = await senders.stop();
    const grown = marks.map(({ host, line, rss }) => {
      const all = host.said('status', undefined, line).map((status) => Number(status['rssBytes']));
      return Math.round((Math.max(...all) - rss) / MB);
    });
    const { accepted, lost, duplicated, outOfOrder } = promised;
    const gateway = `accepted ${accepted}, refused ${refused}, then lost ${lost}, duplicated ${duplicated}, out-of-order ${outOfOrder}`;
    const verdict = await deployment.judged(`F10, grown ${grown.join(' and ')} MB, gateway: ${gateway}`, 1, 'ours');
    expect(verdict).toEqual(spotless);
    expect([lost, duplicated, outOfOrder, promised.unadvised, promised.unexpected]).toEqual([0, 0, 0, 0, 0]);
    expect(refused).toBeGreaterThan(8);
    expect(Math.max(...grown)).toBeLessThan(200);
  });
});

describe('the network to the brokers', () => {
  it('F12: may lose the answers to commits, be slow and break: every batch is counted once', async () => {
    const proxy = await KafkaProxy.open(cluster.brokers, randomOf(seed));
    closers.push(() => proxy.close());
    await deploy(2, proxy.brokers);
    const stop = deployment.steadily(40, 150);
    closers.push(stop);
    const cuts = 6;
    proxy.cutCommits(cuts);
    await deployment.host(0).until(() => proxy.replaced.length === cuts);
    const replaced = proxy.replaced.length;
    proxy.weather = { latencyMs: [100, 300], resets: 0.05 };
    await delay(long ? 60_000 : 10_000);
    await stop();
    proxy.weather = fair;
    await deployment.settled();
    const network = `commits cut ${proxy.cut.length}, producers replaced ${replaced}, connections broken ${proxy.resets}`;
    const verdict = await deployment.judged(`F12, seed ${seed}, ${network}`, cuts + proxy.resets, 'ours');
    expect(verdict).toEqual(spotless);
    expect([proxy.cut.length, replaced]).toEqual([cuts, cuts]);
    expect(proxy.resets).toBeGreaterThan(10);
  });
});

it('F10, F12: have left what Kafka reads as we do', async () => {
  const { records, onlyOurs, onlyTheirs } = await compareReaders(cluster.brokers, prefixes);
  say(`F10, F12: compared ${records} records, only ours ${onlyOurs}, only Kafka's ${onlyTheirs}`);
  expect([onlyOurs, onlyTheirs]).toEqual([0, 0]);
  expect(records).toBeGreaterThan(1_000);
});
