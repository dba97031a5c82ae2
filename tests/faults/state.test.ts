import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { partitionFor } from '../../runtime/partition.ts';
import { eventually } from '../support/eventually.ts';
import { realKafka } from '../support/real-kafka.ts';
import { sharedBrokers } from '../support/three-brokers.ts';
import { Deployment } from './harness/deployment.ts';
import type { Host } from './harness/host.ts';
import { spotless } from './harness/oracle.ts';
import { PARTITIONS } from './hosts/topology.ts';

let brokers: readonly string[];
let deployment: Deployment | undefined;
beforeAll(async () => {
  brokers = await sharedBrokers();
});
afterEach(() => deployment?.close());

async function started(host: Host, more: Parameters<Host['start']>[0] = {}): Promise<void> {
  const from = host.lines.length;
  host.start(more);
  await host.until(() => host.said('started', undefined, from).length > 0);
}

const failed = (host: Host, task: string): boolean => host.tasks.some((one) => one.task === task && one.state === 'failed');

describe('state', () => {
  it('is whole before anything is processed, also when others join while it is restored (F14)', async () => {
    const keys = process.env['FRESHET_FAULTS'] === 'long' ? 100_000 : 20_000;
    deployment = await Deployment.create({ brokers, hosts: 2, keys });
    const first = deployment.host(0);
    const second = deployment.host(1);
    await started(first);
    await deployment.produce(keys);
    await deployment.settled();
    await first.stop();
    rmSync(first.settings.dataDir, { recursive: true });

    const from = first.lines.length;
    await started(first, { slowWritesMs: 800 });
    await deployment.produce(keys);
    const early = deployment.rows('echoes').length;
    second.start({ slowWritesMs: 800 });
    await first.until(() => first.said('restoring', undefined, from).length > 0);
    const whenRestored = deployment.rows('echoes').length;
    await deployment.settled();
    const lost = [first, second].flatMap((host) => host.said('log', 'group membership lost', host === first ? from : 0));
    const restored = [first, second].map((host) => host.said('log', 'restored', host === first ? from : 0).length);
    expect(await deployment.judged(`F14, tasks restored ${restored.join(' and ')}`, 1)).toEqual(spotless);
    expect([early, whenRestored, lost.length]).toEqual([keys, keys, 0]);
    expect(restored[1]).toBeGreaterThan(0);
  });

  it('is rebuilt where its folder was removed or one byte of it has changed (F16)', async () => {
    deployment = await Deployment.create({ brokers, hosts: 1 });
    const host = deployment.host(0);
    // The second start brings what the log of the first held into a file.
    for (const count of [1_000, 0]) {
      await started(host);
      await deployment.produce(count);
      await deployment.settled();
      await host.stop();
    }
    const folder = (partition: number): string => join(host.settings.dataDir, 'stores', `sum-numbers-${partition}`);
    const flip = (partition: number, file: RegExp, where: number): void => {
      const path = join(folder(partition), readdirSync(folder(partition)).find((name) => file.test(name)) ?? '');
      const bytes = readFileSync(path);
      const at = Math.floor(bytes.length * where);
      bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      writeFileSync(path, bytes);
    };
    rmSync(folder(0), { recursive: true });
    flip(1, /\.sst$/, 0.02);
    flip(2, /^MANIFEST/, 0.5);
    flip(3, /^CURRENT/, 0.5);
    const from = host.lines.length;
    await started(host);
    await deployment.produce(1_000);
    await deployment.settled();
    const rebuilt = host.said('log', undefined, from).filter(({ message }) => /thrown away|afresh/.test(String(message)));
    expect(await deployment.judged(`F16, told ${rebuilt.length}`, 4)).toEqual(spotless);
    expect(new Set(rebuilt.map((line) => line['task'] ?? line['store']))).toEqual(
      new Set(['sum-numbers-1', 'sum-numbers-2', 'sum-numbers-3']),
    );
  });

  it('takes no further record while its disk is full, and goes on by itself when there is room (F18)', async () => {
    deployment = await Deployment.create({ brokers, hosts: 1 });
    const host = deployment.host(0);
    await started(host);
    await deployment.produce(1_000);
    await deployment.settled();
    // A limit on the size of files is a disk that is full for this process alone, and needs no rights.
    const limit = (bytes: string): void =>
      void execFileSync('prlimit', ['--pid', String(host.pid), `--fsize=${bytes}:unlimited`]);
    limit('1024');
    const retries = (): number => host.said('log', 'task takes over afresh').filter(({ code }) => code === 'STORE_FULL').length;
    for (let i = 0; i < 20; i++) await deployment.produce(50);
    await host.until(() => retries() > 6);
    const whileFull = deployment.rows('echoes').length;
    limit('unlimited');
    await deployment.settled();
    expect(await deployment.judged(`F18, take-overs while full ${retries()}, echoes ${whileFull} of 2000`, 1)).toEqual(spotless);
    expect(whileFull).toBeLessThan(2_000);
  });
});

/** With FRESHET_FAULTS=long, and the rights to mount: a disk that is small. */
if (process.env['FRESHET_FAULTS'] === 'long')
  describe('a small disk of its own', () => {
    it('fills up, is told of with its folder and what is free, and work goes on when there is room (F18)', async () => {
      deployment = await Deployment.create({ brokers, hosts: 1 });
      const host = deployment.host(0);
      const { dataDir } = host.settings;
      mkdirSync(dataDir);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', dataDir]);
      try {
        await started(host);
        await deployment.produce(1_000);
        await deployment.settled();
        const filler = join(dataDir, 'filler');
        const { bavail, bsize } = statfsSync(dataDir);
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
        const told = (): string[] =>
          host
            .said('log', 'task takes over afresh')
            .flatMap((line) => (line['code'] === 'STORE_FULL' ? [String(line['reason'])] : []));
        // Room that the store has taken already is used up first.
        let sent = 1_000;
        for (; told().length === 0 && sent < 100_000; sent += 500) await deployment.produce(500);
        await host.until(() => told().length > 6);
        const whileFull = deployment.rows('echoes').length;
        rmSync(filler);
        await deployment.settled();
        const counts = `take-overs while full ${told().length}, echoes ${whileFull} of ${sent}`;
        expect(await deployment.judged(`F18, a disk of 16 MB, ${counts}`, 1)).toEqual(spotless);
        process.stderr.write(`freshet: F18: ${told()[0]?.replaceAll(dataDir, '…') ?? ''}\n`);
        for (const message of told())
          expect(message).toMatch(/^no room for the store in .+ \(\d+ bytes free\): make room on that disk; /);
        expect(told()[0]).toContain(dataDir);
        expect(whileFull).toBeLessThan(sent);
      } finally {
        await host.kill();
        execFileSync('umount', [dataDir]);
      }
    });
  });

describe('an input that has lost what was not read yet', () => {
  it('stops its task with an alarm and lets the others go on (F17)', async () => {
    deployment = await Deployment.create({ brokers, hosts: 1 });
    const current = deployment;
    const host = current.host(0);
    await started(host);
    await current.produce(1_000);
    await current.settled();
    await host.stop();
    await current.produce(1_000);
    const harness = await realKafka({ brokers, clientId: 'truncate' });
    await harness.truncate({ topic: `${current.prefix}numbers`, partition: 1 }, (await current.position('numbers', 1)) - 5);
    await harness.close();

    const inPartition = (key: string): boolean => partitionFor(key, PARTITIONS) === 1;
    const counts = (): number[] => {
      const stopped = current.rows('echoes').filter(({ key }) => inPartition(key)).length;
      return [stopped, current.rows('echoes').length - stopped];
    };
    const sentTo = (which: (key: string) => boolean): number =>
      Array.from({ length: 2_000 }, (_, i) => `k${i % 60}`).filter(which).length;
    const before = counts();
    await started(host);
    await host.until(() => failed(host, 'sum-numbers-1'));
    await eventually(
      async () => counts()[1],
      (others) => expect(others).toBe(sentTo((key) => !inPartition(key))),
    );
    expect(counts()[0]).toBe(before[0]);
    const alarm = host.said('log', 'task has stopped').find((line) => line['task'] === 'sum-numbers-1');
    expect(alarm).toMatchObject({ level: 'error', code: 'OFFSET_OUT_OF_RANGE' });
    const processed = (counts()[0] ?? 0) - (before[0] ?? 0);
    const figures = `faults 1, tasks stopped 1, records processed by it ${processed}, by the others ${counts()[1] ?? 0}`;
    process.stderr.write(`freshet: F17: ${figures}: ${String(alarm?.['reason'])}\n`);
  });
});
