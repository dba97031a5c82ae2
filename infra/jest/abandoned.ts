import { existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOrphans } from '../local/child.ts';
import { readHolder } from '../lock.mjs';

/** Test clusters keep their data in folders of this name in the system's temporary folder. */
export const clusterFolder = join(tmpdir(), 'freshet-cluster-');

/** Ends and removes the clusters of test runs that were killed before they could do so themselves. */
export async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    const abandoned = folder.startsWith(clusterFolder) && existsSync(join(folder, 'lock')) && !readHolder(join(folder, 'lock'));
    if (!abandoned) continue;
    await endOrphans(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}
