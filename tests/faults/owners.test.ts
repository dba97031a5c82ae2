import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { metaKey } from '../../runtime/state/layout.ts';
import { rocksdbEngine } from '../../runtime/state/rocksdb.ts';
import { eventually } from '../support/eventually.ts';
import { sharedBrokers } from '../support/three-brokers.ts';
import { compareReaders } from './harness/compared.ts';
import { Deployment } from './harness/deployment.ts';
import type { Host } from './harness/host.ts';
import { turnsOf, writersOf } from './harness/log-batches.ts';
import { spotless } from './harness/oracle.ts';
import { randomOf } from './harness/random.ts';
import { PARTITIONS, processors } from './hosts/topology.ts';

/** FRESHET_FAULTS=long: as many faults, for as long, as RELIABILITY asks, by hand; CI does fewer. */
const long = process.env['FRESHET_FAULTS'] === 'long';
if (long) jest.setTimeout(900_000);
const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
/** Numbers, and the pause after them in milliseconds. */
const load = [40, 150] as const;
const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);

let brokers: readonly string[];
let deployment: Deployment | undefined;
const prefixes: string[] = [];
const deploy = async (hosts: number): Promise<Deployment> => {
  deployment = await Deployment.create({ brokers, hosts });
  prefixes.push(deployment.prefix);
  return deployment;
};
beforeAll(async () => {
  brokers = await sharedBrokers();
});
afterEach(() => deployment?.close());

describe('a process that is killed while its store writes a batch', () => {
  it('F4: leaves all of the batch or nothing, and nothing that it had not told before', async () => {
    const [kills, keys] = [20, 2_000];
    const root = mkdtempSync(join(tmpdir(), 'freshet-store-'));
    const script = join(import.meta.dirname, 'hosts', 'writer.ts');
    const counts = { torn: 0, ahead: 0, behind: 0 };
    for (let kill = 0; kill < kills; kill++) {
      const writer = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, root, 'task', `${keys}`, '2']);
      let said = '';
      writer.stdout.on('data', (text) => (said += String(text)));
      expect(await new Promise((resolve) => writer.once('close', (_, signal) => resolve(signal)))).toBe('SIGKILL');
      const told = Number(said.trimEnd().split('\n').at(-1));
      const store = await rocksdbEngine(root).open('task');
      const checkpoint = Number(store.get(metaKey('checkpoint')));
      const found = store.scan({ gte: Buffer.from('d'), lt: Buffer.from('e') }).map(({ value }) => parseInt(String(value), 10));
      await store.close();
      if (found.length !== keys || found.some((batch) => batch !== checkpoint)) counts.torn += 1;
      if (checkpoint > told) counts.ahead += 1;
      if (checkpoint < told) counts.behind += 1;
    }
    rmSync(root, { recursive: true });
    say(`F4: faults ${kills}, torn ${counts.torn}, ahead ${counts.ahead}, without the batch ${counts.behind}`);
    expect([counts.torn, counts.ahead]).toEqual([0, 0]);
    expect(counts.behind).toBeGreaterThan(0);
  });

  it('F4: has a checkpoint within the committed changelog, and its task goes on from there', async () => {
    const current = await deploy(1);
    const host = current.host(0);
    const stop = current.steadily(...load);
    let ahead = 0;
    const kills = long ? 20 : 3;
    for (let kill = 0; kill < kills; kill++) {
      // Without a group, which would wait for the one that was killed.
      host.start({ forcedMs: 3_600_000, crash: { task: 'sum-numbers-1', at: 'in-write', after: 3 + kill } });
      expect(await host.ended).toBe('SIGKILL');
      const store = await rocksdbEngine(join(host.settings.dataDir, 'stores')).open('sum-numbers-1');
      const checkpoint = JSON.parse(String(store.get(metaKey('checkpoint')))) as { readonly offset: number };
      await store.close();
      if (checkpoint.offset > (await current.position('sum-numbers.changelog', 1))) ahead += 1;
    }
    host.start({ forcedMs: 3_600_000 });
    await stop();
    await current.settled();
    expect(await current.judged(`F4, ahead ${ahead}`, kills, 'ours')).toEqual(spotless);
    expect(ahead).toBe(0);
  });
});

describe('instances that come and go', () => {
  it('F5: killed at random under load, lose, double and swap nothing, and catch up', async () => {
    const current = await deploy(3);
    const random = randomOf(seed);
    const kills = long ? 24 : 4;
    for (const host of current.hosts) host.start();
    for (const host of current.hosts) await host.until(() => host.said('started').length > 0);
    const stop = current.steadily(...load);
    for (let kill = 0; kill < kills; kill++) {
      const host = current.host(Math.floor(random() * 3));
      await host.kill();
      await delay(100 + random() * 400);
      host.start();
      await delay(long ? 5_000 + random() * 8_000 : 1_000 + random() * 1_500);
    }
    await stop();
    const ended = Date.now();
    await current.settled();
    const caughtUp = Date.now() - ended;
    const verdict = await current.judged(`F5, seed ${seed}, caught up in ${caughtUp} ms`, kills, 'ours');
    expect(verdict).toEqual(spotless);
    expect(caughtUp).toBeLessThan(15_000);
  });

  it('F15: every second for a while, count every record once and end as a stable group', async () => {
    const current = await deploy(3);
    const random = randomOf(seed);
    const until = Date.now() + (long ? 60_000 : 10_000);
    const stop = current.steadily(...load);
    const going = new Set<Host>();
    let changes = 0;
    for (; Date.now() < until; await delay(1_000), changes++) {
      const host = current.host(Math.floor(random() * 3));
      if (host.alive) {
        host.signal(random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
        going.add(host);
      } else {
        host.start();
        going.delete(host);
      }
    }
    for (const host of going) await host.ended;
    for (const host of current.hosts) if (!host.alive) host.start();
    await stop();
    await current.settled();
    const owners = (): string =>
      current.hosts
        .flatMap((host, slot) => host.tasks.map(({ task, state }) => `${task} ${state} ${slot}`))
        .sort()
        .join('\n');
    const all = processors.flatMap(({ name }) => Array.from({ length: PARTITIONS }, (_, at) => `${name}-${at} running`));
    const stable = (): void => expect(owners().replaceAll(/ \d$/gm, '').split('\n')).toEqual(all.sort());
    await eventually(async () => undefined, stable);
    const settledOn = owners();
    await delay(3_000);
    expect(owners()).toBe(settledOn);
    expect(await current.judged(`F15, seed ${seed}`, changes, 'ours')).toEqual(spotless);
  });
});

describe('two live processes that hold the same transactional ids to be theirs', () => {
  it('F7: never both make progress, count the fencings, and part when one is told the truth', async () => {
    const current = await deploy(2);
    const [honest, usurper] = [current.host(0), current.host(1)];
    honest.start();
    await honest.until(() => honest.said('started').length > 0);
    const stop = current.steadily(...load);
    const began = Date.now();
    usurper.start({ forcedMs: 6_000 });
    await usurper.until(() => usurper.figure('fenced') > 0 && honest.figure('fenced') > 0);
    const fenced = (): number => usurper.figure('fenced') + honest.figure('fenced');
    // A fenced task gives way for three seconds before it takes over again: twice as long without a fencing, and they have parted.
    let [count, last] = [fenced(), Date.now()];
    await usurper.until(() => {
      if (fenced() > count) [count, last] = [fenced(), Date.now()];
      return Date.now() > last + 7_000;
    });
    const lasted = last - began;
    await stop();
    await current.settled();
    const logs = processors.flatMap(({ name }) =>
      Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: `${current.prefix}${name}.changelog`, partition })),
    );
    const logged = await Promise.all(logs.map(async (log) => turnsOf(await writersOf(brokers, log))));
    const sum = (of: 'turns' | 'returns'): number => logged.reduce((total, one) => total + one[of], 0);
    const figures = `fenced ${count}, ping-pong ${lasted} ms, turns ${sum('turns')}, returns ${sum('returns')}`;
    expect(await current.judged(`F7, ${figures}`, 1, 'ours')).toEqual(spotless);
    expect(sum('returns')).toBe(0);
    expect(sum('turns')).toBeGreaterThan(count / 2);
    expect(lasted).toBeLessThan(30_000);
  });
});

it('F4, F5, F7, F15: have left what Kafka reads as we do', async () => {
  const { records, onlyOurs, onlyTheirs } = await compareReaders(brokers, prefixes);
  say(`F4, F5, F7, F15: compared ${records} records, only ours ${onlyOurs}, only Kafka's ${onlyTheirs}`);
  expect([onlyOurs, onlyTheirs]).toEqual([0, 0]);
  expect(records).toBeGreaterThan(1_000);
});

it('finds a writer that writes after a later one has', () => {
  const [old, young] = [0, 1].map((epoch) => ({ producerId: 7n, epoch }));
  const writers = (...list: (typeof old)[]) => turnsOf(list.flatMap((one) => one ?? []));
  expect(writers(old, old, young)).toEqual({ turns: 1, returns: 0 });
  expect(writers(old, young, old, young)).toEqual({ turns: 3, returns: 2 });
});
