import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster, type LocalCluster } from '../../infra/local/cluster.ts';
import { eventually } from './eventually.ts';

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

/** Addresses of the three brokers that the files of the fault tier share: none of them may be harmed. */
export async function sharedBrokers(): Promise<readonly string[]> {
  const place = process.env['FRESHET_THREE_BROKERS'] ?? '';
  const there = (is: boolean): void => {
    if (!is) throw new Error('the brokers of the fault tier do not come up');
  };
  await eventually(async () => existsSync(place), there, { patienceMs: 120_000 });
  const told = JSON.parse(readFileSync(place, 'utf8')) as { readonly brokers?: readonly string[]; readonly failure?: string };
  if (told.brokers === undefined) throw new Error(told.failure);
  return told.brokers;
}
