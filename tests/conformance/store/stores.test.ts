import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryEngine } from '../../../runtime/state/memory.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import { storeSuite } from './suite.ts';

storeSuite('memory', async () => ({ engine: memoryEngine(), remove: async () => undefined }));

storeSuite('RocksDB', async () => {
  const root = await mkdtemp(join(tmpdir(), 'freshet-store-'));
  return { engine: rocksdbEngine(root), remove: () => rm(root, { recursive: true, force: true }) };
});
