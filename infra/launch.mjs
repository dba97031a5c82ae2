/**
 * node infra/launch.mjs [--flag-of-node…] <file> [argument…]
 * What the npm scripts call, on any Node from 20 and with nothing installed: installs the packages when they are absent
 * or out of date, then gives the process over to Node 24 with the file.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledNode, chooseNode, ensurePackages } from './launch/setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`freshet: ${line}\n`);

async function main() {
  if (Number(process.versions.node.split('.')[0]) < 20) throw new Error(`Node 20 or later is needed, this is ${process.version}`);
  await ensurePackages(root, say);
  const node = chooseNode({ bundled: bundledNode(root), running: { path: process.execPath, version: process.version } });
  if (node === undefined) {
    throw new Error(`no Node 24 is bundled for ${process.platform}-${process.arch}: install Node 24 or later and run again`);
  }
  // Halves the time in which a start loads its modules.
  process.env.NODE_COMPILE_CACHE ??= join(root, '.cache', 'compiled');
  const args = ['--disable-warning=ExperimentalWarning', ...process.argv.slice(2)];
  if (process.execve !== undefined) process.execve(node, [node, ...args], process.env);
  await stayInFront(spawn(node, args, { stdio: 'inherit' }));
}

/** A terminal sends Ctrl-C to the child as well; every other signal is ours to pass on. The child's end becomes ours. */
function stayInFront(child) {
  const terminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', () => terminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
      resolve();
    });
  });
}

main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
