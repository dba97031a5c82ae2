import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLocalCluster, type LocalCluster } from '../local/cluster.ts';
import { clusterFolder } from './abandoned.ts';
import likeProduction from './like-production.ts';

let dataDir = '';
let starting: Promise<LocalCluster> | undefined;

/**
 * Jest's globalSetup of the fault tier: three brokers that its files share as long as they harm no broker. They come up while
 * the first files run; FRESHET_THREE_BROKERS names the file that says where they are, once they are there.
 */
export default async function setup(): Promise<void> {
  await likeProduction();
  dataDir = mkdtempSync(clusterFolder);
  const place = join(dataDir, 'brokers.json');
  process.env['FRESHET_THREE_BROKERS'] = place;
  const tell = (told: { readonly brokers: readonly string[] } | { readonly failure: string }): void => {
    writeFileSync(`${place}.new`, JSON.stringify(told));
    renameSync(`${place}.new`, place);
  };
  const options = { dataDir, shortLived: true, brokers: 3, kafkaPort: 0, registryPort: 'none', log: () => undefined } as const;
  starting = startLocalCluster(options);
  starting.then(
    ({ brokers }) => tell({ brokers }),
    (error: unknown) => tell({ failure: error instanceof Error ? error.message : String(error) }),
  );
}

/** Ends the brokers. */
export async function tearDown(): Promise<void> {
  const cluster = await starting?.catch(() => undefined);
  await cluster?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
