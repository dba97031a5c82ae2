import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { tpKey } from '../../../runtime/record.ts';
import { dataKey, metaKey } from '../../../runtime/state/layout.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import type { Checkpoint } from '../../../runtime/restore.ts';

/** Bytes of every part of a task, by its id; the positions of the task included. */
export type Parts = ReadonlyMap<string, Buffer>;

/** The stores that hosts left behind when they ended in order; of each task the one that has come furthest. */
export async function readStores(
  dataDirs: readonly string[],
  processors: readonly string[],
  partitions: number,
): Promise<ReadonlyMap<string, Parts>> {
  const stores = new Map<string, Parts>();
  for (const processor of processors) {
    for (let partition = 0; partition < partitions; partition++) {
      const task = `${processor}-${partition}`;
      let furthest = -1;
      for (const dataDir of dataDirs) {
        const root = join(dataDir, 'stores');
        if (!existsSync(join(root, task))) continue;
        const store = await rocksdbEngine(root).open(task);
        const bytes = store.get(metaKey('checkpoint'));
        const offset = bytes ? (JSON.parse(bytes.toString('utf8')) as Checkpoint).offset : -1;
        if (offset > furthest) {
          furthest = offset;
          const range = { gte: dataKey(''), lt: Buffer.from('e') };
          stores.set(task, new Map(store.scan(range).map(({ key, value }) => [key.toString('utf8', 1), value])));
        }
        await store.close();
      }
    }
  }
  return stores;
}

/** The last value of every key of the changelogs. */
export async function readChangelogs(
  kafka: Kafka,
  prefix: string,
  processors: readonly string[],
  partitions: number,
): Promise<ReadonlyMap<string, Parts>> {
  const reader = kafka.reader();
  const changelogs = new Map<string, Parts>();
  for (const processor of processors) {
    for (let partition = 0; partition < partitions; partition++) {
      const at = { topic: `${prefix}${processor}.changelog`, partition };
      const id = tpKey(at.topic, partition);
      const end = (await kafka.admin.endOffsets([at])).get(id) ?? 0;
      const start = (await kafka.admin.startOffsets([at])).get(id) ?? 0;
      const parts = new Map<string, Buffer>();
      await new Promise<void>((resolve) => {
        const drain = (): void => {
          for (const { key, value } of stream.take(Infinity)) {
            if (value === null) parts.delete(String(key));
            else parts.set(String(key), value);
          }
          if (stream.position >= end) resolve();
        };
        const stream = reader.open(at, start, { notify: drain });
        drain();
      });
      changelogs.set(`${processor}-${partition}`, parts);
    }
  }
  await reader.close();
  return changelogs;
}
