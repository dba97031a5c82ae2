import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { processIdentity, readHolder, tryLock, withLock } from './lock.mjs';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The id of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('a lock file', () => {
  it('names its holder to whoever comes second', () => {
    expect(tryLock(path).held).toBe(true);
    expect(tryLock(path)).toEqual({ held: false, by: process.pid });
  });

  it('is free again after release, with nothing left behind', () => {
    const lock = tryLock(path);
    if (lock.held) lock.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(tryLock(path).held).toBe(true);
  });

  it('of a dead process is taken over', async () => {
    writeFileSync(path, JSON.stringify({ pid: await deadProcess(), identity: 'boot:1' }));
    expect(tryLock(path).held).toBe(true);
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('of an earlier process whose id now belongs to another is taken over', () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, identity: 'another start' }));
    expect(readHolder(path)).toBeUndefined();
    expect(tryLock(path).held).toBe(true);
  });

  it('that is no lock file at all is taken over', () => {
    writeFileSync(path, '');
    expect(tryLock(path).held).toBe(true);
  });
});

describe('work under a lock', () => {
  it('runs one after the other, and says once whom it waits for', async () => {
    const order: string[] = [];
    const waited: number[] = [];
    const gate = Promise.withResolvers<undefined>();
    const first = withLock(
      path,
      () => undefined,
      async () => {
        await gate.promise;
        order.push('first');
      },
    );
    const second = withLock(
      path,
      (pid) => {
        waited.push(pid);
        gate.resolve(undefined);
      },
      () => order.push('second'),
    );
    await Promise.all([first, second]);
    expect([order, waited]).toEqual([['first', 'second'], [process.pid]]);
  });

  it('leaves the lock free when it fails', async () => {
    await expect(
      withLock(
        path,
        () => undefined,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    expect(tryLock(path).held).toBe(true);
  });
});

describe('the identity of a process', () => {
  it('stays the same while it lives and ends with it', async () => {
    expect(processIdentity(process.pid)).toBe(processIdentity(process.pid));
    expect(processIdentity(await deadProcess())).toBeUndefined();
  });
});
