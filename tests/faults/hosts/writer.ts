import { metaKey } from '../../../runtime/state/layout.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import { dyingEngine } from './dying-engine.ts';

// Writes batches into a store, each all its keys and a checkpoint with one number, tells that number before, and is killed in one.

const [root = '', name = '', keys = '', after = ''] = process.argv.slice(2);
/** About as long as such a batch takes, milliseconds. */
const WITHIN_MS = 8;
const store = await dyingEngine(rocksdbEngine(root), name, Number(after), WITHIN_MS).open(name);
const checkpoint = metaKey('checkpoint');
for (let batch = Number(store.get(checkpoint) ?? 0) + 1; ; batch++) {
  const value = Buffer.from(String(batch).padEnd(100, '.'));
  process.stdout.write(`${batch}\n`);
  await store.write([
    ...Array.from({ length: Number(keys) }, (_, key) => ({ kind: 'put' as const, key: Buffer.from(`d${key}`), value })),
    { kind: 'put', key: checkpoint, value: Buffer.from(String(batch)) },
  ]);
}
