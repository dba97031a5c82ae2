import { join } from 'node:path';
import type { BenchCluster } from '../support/cluster.ts';
import { Program } from '../support/program.ts';

/** A prefix and a workspace on the cluster, and the processes that work there. */
export interface Deployment {
  readonly prefix: string;
  readonly partitions: number;
  /** Starts a process with these parts; it is at work when this resolves. The same machine name finds the same stores again. */
  run(names: readonly string[], machine: string): Promise<{ readonly program: Program; readonly gateway: string }>;
  /** Where a machine keeps its stores. */
  dataDir(machine: string): string;
}

export interface DeploymentOptions {
  readonly workspace: string;
  readonly prefix: string;
  readonly partitions?: number;
  readonly smtpPort?: number;
}

export function deploy(cluster: BenchCluster, options: DeploymentOptions): Deployment {
  const { workspace, prefix, partitions = 4, smtpPort } = options;
  const env = {
    KAFKA_BROKERS: cluster.brokers.join(','),
    SCHEMA_REGISTRY_URL: cluster.registryUrl,
    FRESHET_PREFIX: prefix,
    FRESHET_PARTITIONS: String(partitions),
    FRESHET_GATEWAY_PORT: '0',
    FRESHET_CONSOLE_PORT: '0',
    ...(smtpPort === undefined ? {} : { FRESHET_SMTP_URL: `smtp://127.0.0.1:${smtpPort}` }),
  };
  const dataDir = (machine: string): string => join(cluster.folder, `${prefix}${machine}`);
  return {
    prefix,
    partitions,
    dataDir,
    run: async (names, machine) => {
      const settings = JSON.stringify({ names, workspace, dataDir: dataDir(machine) });
      const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
      const args = ['--disable-warning=ExperimentalWarning', ...flags, join(import.meta.dirname, 'host.ts'), settings];
      const program = new Program(names.join('+'), process.execPath, args, env);
      const { gateway } = await program.says('running');
      return { program, gateway: typeof gateway === 'string' ? gateway : '' };
    },
  };
}
