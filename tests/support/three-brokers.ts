import { mkdtempSync, rmSync } from 'node:fs';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster, type LocalCluster } from '../../infra/local/cluster.ts';

export interface ThreeBrokersOptions {
  /** With a schema registry, which keeps its schemas in them. */
  readonly registry?: boolean;
}

/** Three brokers of their own, every topic three times with two in sync; their data goes with `stop`. */
export async function startThreeBrokers({ registry = false }: ThreeBrokersOptions = {}): Promise<LocalCluster> {
  const dataDir = mkdtempSync(clusterFolder);
  const registryPort = registry ? 0 : 'none';
  const cluster = await startLocalCluster({
    dataDir,
    shortLived: true,
    brokers: 3,
    kafkaPort: 0,
    registryPort,
    log: () => undefined,
  });
  return {
    brokers: cluster.brokers,
    registryUrl: registry ? cluster.registryUrl : '',
    kill: (index, signal) => cluster.kill(index, signal),
    restart: (index) => cluster.restart(index),
    stop: async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
