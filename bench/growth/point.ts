import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { deploy } from '../pipeline/deployment.ts';
import { writeWorkspace } from '../pipeline/workspace.ts';
import type { BenchCluster } from '../support/cluster.ts';
import type { Program } from '../support/program.ts';
import { watch } from '../support/window.ts';
import { fillIdentified } from './events.ts';

export interface Size {
  readonly customers: number;
  readonly segments: number;
  readonly partitions: number;
  /** Processes on the same cores. */
  readonly instances: number;
}

export interface GrowthRow extends Size {
  readonly events: number;
  /** Events a second of the customers' tasks, and what one costs there, CPU microseconds. */
  readonly rate: number;
  readonly cpu: number;
  /** MiB, of all processes. */
  readonly memory: number;
  readonly storeBytesPerCustomer: number;
  /** From the start of the process until it had processed an event again, seconds; with its stores, and without. */
  readonly warmStart: number;
  readonly coldStart: number;
  /** The same at once after kill -9 of all processes. */
  readonly afterKill: number;
}

/** Measures the customers' processor at one size: each customer has at least one event. */
export async function measureSize(cluster: BenchCluster, kafka: Kafka, size: Size, least: number): Promise<GrowthRow> {
  const { customers, segments, partitions, instances } = size;
  const prefix = `g${customers}-${segments}-${partitions}-${instances}.`;
  const events = Math.max(least, customers);
  const load = { prefix, partitions, customers };
  const kinds = ['Product Viewed', 'Order Completed', 'Product Added', 'Product Viewed'];
  await fillIdentified(cluster, kafka, {
    ...load,
    events,
    eventOf: (i) => ({ event: kinds[i % 4] ?? '', properties: { order_id: `o${i}`, cart_id: `k${i}`, total: i % 300 } }),
  });
  const deployment = deploy(cluster, { workspace: await writeWorkspace(cluster.folder, segments), prefix, partitions });
  const machines = Array.from({ length: instances }, (_, i) => `machine-${i}`);
  const start = async (): Promise<Program[]> =>
    (await Promise.all(machines.map((machine) => deployment.run(['customers'], machine)))).map(({ program }) => program);
  let programs = await start();
  const window = await watch(programs, events, cluster.brokerCpu);
  const stop = async (): Promise<void> => void (await Promise.all(programs.map((program) => program.stop())));

  /** Starts again, and waits until one event for each partition has been processed. */
  let extra = 0;
  const again = async (): Promise<number> => {
    const began = performance.now();
    programs = await start();
    const count = Math.max(64, partitions * 8);
    extra += 1;
    const eventOf = () => ({ event: 'Product Viewed', properties: { again: extra } });
    await fillIdentified(cluster, kafka, { ...load, customers: count, events: count, eventOf });
    while (programs.reduce((sum, { progress }) => sum + progress.processed, 0) < count) {
      for (const program of programs) program.check();
      await programs[0]?.says('processed');
    }
    return (performance.now() - began) / 1000;
  };
  await stop();
  const stores = machines.map((machine) => join(deployment.dataDir(machine), 'stores'));
  const storeBytes = stores.reduce((sum, folder) => sum + bytesIn(folder), 0);
  const warmStart = await again();
  await Promise.all(programs.map((program) => program.kill()));
  const afterKill = await again();
  await stop();
  for (const folder of stores) await rm(folder, { recursive: true, force: true });
  const coldStart = await again();
  await stop();
  const { rate, cpu, memory } = window;
  const storeBytesPerCustomer = Math.round(storeBytes / customers);
  return { ...size, events, rate, cpu, memory, storeBytesPerCustomer, warmStart, coldStart, afterKill };
}

function bytesIn(folder: string): number {
  return Number(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t')[0]) * 1024;
}
