import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

// Everything, one after the other, on a machine that should have nothing else to do; ends with bench/README.md written anew.

for (const name of ['engine', 'pipeline', 'restore', 'growth', 'segments', 'burst', 'identity', 'proof'])
  run(`${name}.ts`, ['--keep']);
run('readme.ts', []);

function run(file: string, args: readonly string[]): void {
  console.log(`\n${file} ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [...process.execArgv, join(import.meta.dirname, file), ...args], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
}
