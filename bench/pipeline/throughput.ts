import { performance } from 'node:perf_hooks';
import type { BenchCluster } from '../support/cluster.ts';
import { watch } from '../support/window.ts';
import { deploy } from './deployment.ts';
import { flood, mixedCall } from './load.ts';

/** One part of the pipeline alone in a process, at work on what waits for it. */
export interface HopThroughput {
  readonly part: string;
  /** Events a second. */
  readonly rate: number;
  /** CPU microseconds per event, of the part and of the broker. */
  readonly cpu: number;
  readonly brokerCpu: number;
}

export interface PipelineThroughput {
  readonly segments: number;
  readonly parts: readonly HopThroughput[];
  /** All processors at once in two processes, from events.raw to memberships. */
  readonly whole: HopThroughput;
}

const parts = ['tag-freshness', 'stitch-identity', 'customers', 'detect-fraud'];

/** Measures each part alone, one after the other, and then all together on the same events. */
export async function measureThroughput(
  cluster: BenchCluster,
  workspace: string,
  segments: number,
  load: { readonly events: number; readonly customers: number },
): Promise<PipelineThroughput> {
  const { events, customers } = load;
  const alone = deploy(cluster, { workspace, prefix: `s${segments}.` });
  const gateway = await alone.run(['gateway'], 'gateway');
  const [began, broker] = [performance.now(), cluster.brokerCpu()];
  await flood(gateway.gateway, events, (i) => mixedCall(i, customers));
  const seconds = (performance.now() - began) / 1000;
  const brokerCpu = (cluster.brokerCpu() - broker) / events;
  await gateway.program.says('processed');
  const rows: HopThroughput[] = [
    { part: 'gateway', rate: Math.round(events / seconds), cpu: gateway.program.progress.cpu / events, brokerCpu },
  ];
  await gateway.program.stop();
  tell(segments, rows[0]);
  for (const part of parts) {
    const { program } = await alone.run([part, 'watch-sources'], part);
    rows.push({ part, ...pick(await watch([program], events, cluster.brokerCpu)) });
    tell(segments, rows.at(-1));
    await program.stop();
  }
  const whole = await measureWhole(cluster, workspace, segments, load);
  tell(segments, whole);
  return { segments, parts: rows, whole };
}

function tell(segments: number, row: HopThroughput | undefined): void {
  if (row === undefined) return;
  const { part, rate, cpu, brokerCpu } = row;
  console.log(`${segments} segments, ${part}: ${rate} events/s, ${cpu.toFixed(1)} µs CPU (broker ${brokerCpu.toFixed(1)})`);
}

async function measureWhole(
  cluster: BenchCluster,
  workspace: string,
  segments: number,
  { events, customers }: { readonly events: number; readonly customers: number },
): Promise<HopThroughput> {
  const all = deploy(cluster, { workspace, prefix: `w${segments}.` });
  const gateway = await all.run(['gateway'], 'gateway');
  await flood(gateway.gateway, events, (i) => mixedCall(i, customers));
  await gateway.program.stop();
  const behind = await all.run(['customers', 'detect-fraud'], 'behind');
  const front = await all.run(['stitch-identity', 'tag-freshness', 'watch-sources'], 'front');
  // What has passed the last part counts; what the other process burns counts as well.
  const silent = { check: () => front.program.check(), pid: front.program.pid };
  const other = {
    ...silent,
    name: 'front',
    get progress() {
      return { processed: 0, cpu: front.program.progress.cpu };
    },
  };
  const window = await watch([behind.program, other], events, cluster.brokerCpu);
  await front.program.stop();
  await behind.program.stop();
  return { part: 'all but the gateway, two processes', ...pick(window) };
}

function pick({ rate, cpu, brokerCpu }: { rate: number; cpu: number; brokerCpu: number }) {
  return { rate, cpu, brokerCpu };
}
