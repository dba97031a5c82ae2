import { mkdtempSync, rmSync } from 'node:fs';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster, type LocalCluster } from '../../infra/local/cluster.ts';

/** Three brokers of their own, every topic three times with two in sync; their data goes with `stop`. */
export async function startThreeBrokers(): Promise<LocalCluster> {
  const dataDir = mkdtempSync(clusterFolder);
  const cluster = await startLocalCluster({ dataDir, brokers: 3, kafkaPort: 0, registryPort: 'none', log: () => undefined });
  return {
    brokers: cluster.brokers,
    registryUrl: '',
    kill: (index, signal) => cluster.kill(index, signal),
    restart: (index) => cluster.restart(index),
    stop: async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
