import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rocksdbEngine } from './rocksdb.ts';
import type { Store } from './store.ts';

const keys = Array.from({ length: 3000 }, (_, i) => Buffer.from(`key-${String(i).padStart(5, '0')}`));
const value = Buffer.alloc(100, 'v');

describe('a RocksDB store that is damaged on disk', () => {
  // The path holds words that messages of the engine hold as well.
  let root: string;
  const folder = (): string => join(root, 'task-0');
  const open = (): Promise<Store> => rocksdbEngine(root).open('task-0');
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'freshet-lock-disk-'));
    let store = await open();
    await store.write(keys.map((key) => ({ kind: 'put', key, value })));
    await store.close();
    // Opened again, what was in memory lies in a file; and something newer lies in the log.
    store = await open();
    await store.write([{ kind: 'put', key: Buffer.from('newer'), value }]);
    await store.close();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function flip(name: RegExp, where: number): void {
    const file = readdirSync(folder()).find((entry) => name.test(entry)) ?? '';
    const content = readFileSync(join(folder(), file));
    const at = Math.floor(content.length * where);
    content[at] = (content[at] ?? 0) ^ 0x40;
    writeFileSync(join(folder(), file), content);
  }

  it.each([0.02, 0.5, 0.9])('says so, by each way of reading, when a block is read (at %d of the file)', async (where) => {
    flip(/\.sst$/, where);
    const store = await open();
    await expect(store.getMany(keys)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(() => store.scan({ gte: Buffer.from('a'), lt: Buffer.from('z') })).toThrow(/damaged|Corruption/);
    expect(() => keys.forEach((key) => store.get(key))).toThrow(/Corruption/);
    await store.close();
  });

  it.each([0.02, 0.3, 0.5, 0.7, 0.98])('is not opened when the list of its files is (at %d)', async (where) => {
    flip(/^MANIFEST/, where);
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('is not opened when a file is missing', async () => {
    for (const file of readdirSync(folder())) if (file.endsWith('.sst')) rmSync(join(folder(), file));
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('can be opened again and again when it is sound', async () => {
    for (let i = 0; i < 5; i++) {
      const store = await open();
      expect((await store.getMany(keys)).every((found) => found?.equals(value))).toBe(true);
      await store.close();
    }
  });
});

it('a closed store refuses to be read', async () => {
  const root = mkdtempSync(join(tmpdir(), 'freshet-store-'));
  const store = await rocksdbEngine(root).open('task-0');
  await store.close();
  expect(() => store.get(Buffer.from('a'))).toThrow(/closed/);
  rmSync(root, { recursive: true });
});
