import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalCluster } from '../../infra/local/cluster.ts';

export interface BenchCluster {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** For stores and logs; goes with the cluster. */
  readonly folder: string;
  /** CPU time of the broker so far, microseconds; NaN where the system does not tell. */
  readonly brokerCpu: () => number;
  stop(): Promise<void>;
}

/** One broker on this machine, with the defaults of `npm start`, in a folder that goes with it. */
export async function startBenchCluster({ registry = false } = {}): Promise<BenchCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'freshet-bench-'));
  const log = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  const cluster = await startLocalCluster({ dataDir: folder, kafkaPort: 0, registryPort: registry ? 0 : 'none', log });
  // A bench that is told to end takes its programs and its cluster along: both go when the process exits.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const { pid } = JSON.parse(readFileSync(join(folder, 'run', 'kafka-1.json'), 'utf8')) as { readonly pid: number };
  return {
    brokers: cluster.brokers,
    registryUrl: registry ? cluster.registryUrl : '',
    folder,
    brokerCpu: () => cpuOf(pid),
    stop: async () => {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** CPU time of a process, microseconds, as Linux tells it in hundredths of a second. */
export function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}
