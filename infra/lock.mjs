import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export function processIdentity(pid) {
  if (process.platform !== 'linux') {
    const started = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim();
    return started || undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X'
      ? undefined
      : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${rest[18]}`;
  } catch {
    return undefined;
  }
}

export function readHolder(path) {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8'));
    return processIdentity(holder.pid) === holder.identity ? holder : undefined;
  } catch {
    return undefined;
  }
}

export function tryLock(path) {
  const scratch = `${path}.${randomUUID()}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(scratch, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
  try {
    for (;;) {
      if (attempt(() => linkSync(scratch, path), 'EEXIST')) return { held: true, release: () => rmSync(path, { force: true }) };
      const holder = readHolder(path);
      if (holder !== undefined) return { held: false, by: holder.pid };
      setAside(path);
    }
  } finally {
    rmSync(scratch, { force: true });
  }
}

export async function withLock(path, onWait, run) {
  let lock = tryLock(path);
  if (!lock.held) onWait(lock.by);
  for (; !lock.held; lock = tryLock(path)) await delay(200);
  try {
    return await run();
  } finally {
    lock.release();
  }
}

/** Removes the lock of a dead process; one that came to life between the look and the move is put back. */
function setAside(path) {
  const aside = `${path}.${randomUUID()}`;
  if (!attempt(() => renameSync(path, aside), 'ENOENT')) return;
  if (readHolder(aside) !== undefined) attempt(() => linkSync(aside, path), 'EEXIST');
  rmSync(aside, { force: true });
}

function attempt(action, expected) {
  try {
    action();
    return true;
  } catch (error) {
    if (error.code === expected) return false;
    throw error;
  }
}
