import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { type LocalCluster, startLocalCluster } from '../../infra/local/cluster.ts';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { SteadySettings } from './hosts/steady.ts';

/** With FRESHET_FAULTS=long ten million, in which a slope of the whole process can be told. */
const isLong = process.env['FRESHET_FAULTS'] === 'long';
const events = isLong ? 10_000_000 : 1_000_000;
const PARTITIONS = 2;
const MiB = 1024 * 1024;
/** What a process may have more at the end than in the middle, MiB: what its allocators keep differs by as much from run to run. */
const MOST_MORE = 64;
/** What it may hold on to of each million of events, MiB. */
const MOST_HELD = 5;

interface Told {
  readonly processed: number;
  readonly rate: number;
  readonly p99Ms: number;
  readonly samples: readonly { readonly at: number; readonly processed: number; readonly rss: number; readonly live: number }[];
}

let dataDir: string;
let cluster: LocalCluster;
beforeAll(async () => {
  dataDir = mkdtempSync(clusterFolder);
  cluster = await startLocalCluster({ dataDir, shortLived: true, kafkaPort: 0, registryPort: 'none', log: () => undefined });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Least squares: by how much `y` grows for each of `x`. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (pick: 0 | 1): number => points.reduce((sum, point) => sum + point[pick], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

async function fill(): Promise<void> {
  const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'fill' });
  const retention = { 'retention.bytes': '-1' };
  const names = ['steady.in', 'steady.out', 'steady.rejected', 'steady.changelog'];
  await kafka.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, config: retention })));
  const producer = kafka.producer();
  const value = Buffer.from(JSON.stringify({ n: 7, text: 'x'.repeat(80) }));
  const keys = Array.from({ length: 1_000 }, (_, index) => Buffer.from(`k${index}`));
  const records = Array.from({ length: 4_000 }, (_, index) => ({ key: keys[index % keys.length] ?? null, value }));
  for (let sent = 0; sent < events; sent += records.length * PARTITIONS)
    await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => producer.send({ topic: 'steady.in', partition, records })),
    );
  await kafka.close();
}

describe('F35: one process at full speed', () => {
  it('F35: holds no more memory the more it has processed', async () => {
    await fill();
    const settings: SteadySettings = {
      brokers: cluster.brokers,
      dataDir: join(dataDir, 'stores'),
      partitions: PARTITIONS,
      events,
    };
    const script = join(import.meta.dirname, 'hosts', 'steady.ts');
    const args = ['--expose-gc', '--disable-warning=ExperimentalWarning', script, JSON.stringify(settings)];
    const env = { ...process.env, NODE_ENV: 'production' };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: isLong ? 1_200_000 : 120_000 });
    const { processed, rate, p99Ms, samples } = JSON.parse(stdout) as Told;
    const perMinute = slope(samples.map(({ at, rss }) => [at / 60_000, rss / MiB]));
    const perMillion = slope(samples.map((one) => [one.processed / 1e6, one.live / MiB]));
    const half = samples.filter((one) => one.processed >= events / 2);
    const [first = 0, middle = 0, last = 0] = [samples[0], half[0], half.at(-1)].map((one) => Math.round((one?.rss ?? 0) / MiB));
    process.stderr.write(
      `freshet: F35: records ${processed}, ${rate}/s, RSS ${first}, ${middle}, ${last} MB when warm, half way, at the end (${perMinute.toFixed(1)} MB/min), live ${perMillion.toFixed(2)} MB per million, event loop p99 ${p99Ms.toFixed(1)} ms\n`,
    );
    expect(processed).toBe(events);
    expect(half.length).toBeGreaterThan(4);
    expect(last - middle).toBeLessThan(MOST_MORE);
    expect(perMillion).toBeLessThan(MOST_HELD);
    // Over a minute or two the slope is that of the warm-up, and other work on the machine shows in the event loop.
    if (!isLong) return;
    expect(perMinute).toBeLessThan(1);
    expect(p99Ms).toBeLessThan(100);
  });
});
