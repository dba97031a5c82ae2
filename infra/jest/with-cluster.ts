import { mkdtemp, rm } from 'node:fs/promises';
import { startLocalCluster } from '../local/cluster.ts';
import { ownCluster } from '../local/settings.ts';
import { clusterFolder, removeAbandoned } from './abandoned.ts';

const cleanUps: (() => Promise<void>)[] = [];

/**
 * Jest's globalSetup of the tiers that run on a real cluster. Tests find it by KAFKA_BROKERS and SCHEMA_REGISTRY_URL: the one
 * these name already, else one broker and a registry on free ports, with their data in a folder that goes with them.
 */
export default async function setup(): Promise<void> {
  // Jest's own value, test, would change defaults of the Kafka client.
  process.env['NODE_ENV'] = 'production';
  if (ownCluster(process.env) !== undefined) return;
  await removeAbandoned();
  const dataDir = await mkdtemp(clusterFolder);
  cleanUps.push(() => rm(dataDir, { recursive: true }));
  const log = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
  const cluster = await startLocalCluster({ dataDir, shortLived: true, kafkaPort: 0, registryPort: 0, learnClasses: true, log });
  cleanUps.push(() => cluster.stop());
  process.env['KAFKA_BROKERS'] = cluster.brokers.join(',');
  process.env['SCHEMA_REGISTRY_URL'] = cluster.registryUrl;
}

/** Ends what the set-up started, the last first. */
export async function tearDown(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
}
