import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { FreshetError } from '../runtime/errors.ts';
import { memoryEngine } from '../runtime/state/memory.ts';
import { rocksdbEngine } from '../runtime/state/rocksdb.ts';
import { instanceOf, storedTasks, withAdvice } from './stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'freshet-stores-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('stores', () => {
  it('of earlier runs are found by their folders', async () => {
    for (const name of ['evaluate-segments-0', 'customers-12', 'LOCK'])
      mkdirSync(join(folder, 'some', name), { recursive: true });
    expect(await storedTasks(join(folder, 'some'))).toEqual([
      { processor: 'customers', partition: 12 },
      { processor: 'evaluate-segments', partition: 0 },
    ]);
    expect(await storedTasks(join(folder, 'none'))).toEqual([]);
  });

  it('give the process that works with them a name that stays, where there is room for it', async () => {
    const name = await instanceOf(join(folder, 'named'));
    expect(name).toMatch(/^[0-9a-f-]{36}$/);
    expect(await instanceOf(join(folder, 'named'))).toBe(name);
    expect(await instanceOf(join(folder, 'other'))).not.toBe(name);
    expect(await instanceOf(join(import.meta.filename, 'below a file'))).toBeUndefined();
  });

  it('that are open elsewhere say where, and what to do', async () => {
    const engine = withAdvice(rocksdbEngine(folder), folder);
    const store = await engine.open('count-0');
    const message = expect.stringMatching(/count-0 is open in another process: give each process a FRESHET_DATA_DIR of its own/);
    await expect(engine.open('count-0')).rejects.toMatchObject({ code: 'STORE_LOCKED', retryable: true, message });
    await store.close();
  });

  it('without room say where, how much room there is, and what to do', async () => {
    const inner = memoryEngine();
    const full = new FreshetError('STORE_FULL', 'No space left on device', { retryable: true });
    const failing = withAdvice(
      { ...inner, open: async (name) => ({ ...(await inner.open(name)), write: () => Promise.reject(full) }) },
      folder,
    );
    const store = await failing.open('count-1');
    const message = expect.stringMatching(/count-1 \(\d+ bytes free\): make room on that disk; No space left/);
    await expect(store.write([])).rejects.toMatchObject({ code: 'STORE_FULL', retryable: true, message });
  });

  it('whose folder cannot even be made are full as well', async () => {
    const noSpace = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' });
    const engine = withAdvice({ ...memoryEngine(), open: () => Promise.reject(noSpace) }, folder);
    await expect(engine.open('count-2')).rejects.toMatchObject({ code: 'STORE_FULL', retryable: true });
  });
});
