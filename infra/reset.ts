import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { endOrphans } from './local/child.ts';
import { localSettings, projectRoot } from './local/settings.ts';
import { tryLock } from './lock.mjs';

// `npm run reset`: clears the data folder of the local cluster, unless something runs on it.

process.exitCode = await reset(resolve(localSettings(process.env).dataDir));

async function reset(dataDir: string): Promise<number> {
  if ([projectRoot, homedir()].some((precious) => `${precious}${sep}`.startsWith(join(dataDir, sep)))) {
    process.stderr.write(`${dataDir} holds more than freshet's data: FRESHET_DATA_DIR must name a folder of its own\n`);
    return 1;
  }
  const lock = tryLock(join(dataDir, 'lock'));
  if (!lock.held) {
    process.stderr.write(`freshet runs on ${dataDir} as process ${lock.by}: end it before you clear its data\n`);
    return 1;
  }
  await endOrphans(dataDir);
  rmSync(dataDir, { recursive: true });
  process.stdout.write(`${dataDir} is cleared\n`);
  return 0;
}
