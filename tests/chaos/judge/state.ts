import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kafka } from '../../../runtime/kafka/contract.ts';
import { tpKey } from '../../../runtime/record.ts';
import { dataKey, metaKey } from '../../../runtime/state/layout.ts';
import { rocksdbEngine } from '../../../runtime/state/rocksdb.ts';
import { hashOf } from '../live-history.ts';
import type { Counts } from './counts.ts';

export interface StateOptions {
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly processors: readonly string[];
  readonly partitions: number;
  /** Folders with the stores of the processes; all of them have ended. */
  readonly roots: readonly string[];
}

/** Compares the store of each task, where it has come furthest, with its changelog, part by part. Resolves with the number of parts. */
export async function judgeState(
  { kafka, prefix, processors, partitions, roots }: StateOptions,
  counts: Counts,
): Promise<number> {
  let compared = 0;
  for (const processor of processors) {
    for (let partition = 0; partition < partitions; partition++) {
      const task = `${processor}-${partition}`;
      const logged = await lastValues(kafka, `${prefix}${processor}.changelog`, partition);
      compared += logged.size;
      for (const [id, hash] of await storeOf(roots, task)) {
        const known = logged.get(id);
        if (known === undefined) counts.add('state-diff', 'in the store, not in the changelog', `${task}: ${printable(id)}`);
        else if (known !== hash) counts.add('state-diff', 'other than in the changelog', `${task}: ${printable(id)}`);
        logged.delete(id);
      }
      for (const id of logged.keys()) counts.add('state-diff', 'in the changelog, not in the store', `${task}: ${printable(id)}`);
    }
  }
  return compared;
}

const PAGE = 5_000;

async function storeOf(roots: readonly string[], task: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  let furthest = -1;
  for (const root of roots) {
    if (!existsSync(join(root, task))) continue;
    const store = await rocksdbEngine(root).open(task);
    const bytes = store.get(metaKey('checkpoint'));
    const offset = bytes ? (JSON.parse(bytes.toString('utf8')) as { readonly offset: number }).offset : -1;
    if (offset > furthest) {
      furthest = offset;
      found.clear();
      const lt = Buffer.from('e');
      for (let gte = dataKey(''); ;) {
        const page = store.scan({ gte, lt, limit: PAGE });
        for (const { key, value } of page) found.set(key.toString('utf8', 1), hashOf(null, value));
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) break;
        gte = Buffer.concat([last.key, Buffer.from([0])]);
      }
    }
    await store.close();
  }
  return found;
}

async function lastValues(kafka: Kafka, topic: string, partition: number): Promise<Map<string, number>> {
  const at = { topic, partition };
  const end = (await kafka.admin.endOffsets([at])).get(tpKey(topic, partition)) ?? 0;
  const start = (await kafka.admin.startOffsets([at])).get(tpKey(topic, partition)) ?? 0;
  const reader = kafka.reader();
  const values = new Map<string, number>();
  await new Promise<void>((resolve) => {
    const drain = (): void => {
      for (const { key, value } of stream.take(Infinity)) {
        if (value === null) values.delete(String(key));
        else values.set(String(key), hashOf(null, value));
      }
      if (stream.position >= end) resolve();
    };
    const stream = reader.open(at, start, { notify: drain });
    drain();
  });
  await reader.close();
  return values;
}

function printable(id: string): string {
  return id.replaceAll('\0', '/');
}
