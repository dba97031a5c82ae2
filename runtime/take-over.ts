import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import type { TransactionalProducer } from './kafka/contract.ts';
import type { TaskId } from './processor.ts';
import { tpKey } from './record.ts';
import { CHECKPOINT, type Checkpoint, restore, type RestoreProgress } from './restore.ts';
import type { RevisionPosition } from './revision.ts';
import { dataKey, decodeCell, FORMAT, POSITION_ID } from './state/layout.ts';
import type { Store } from './state/store.ts';
import type { Reach } from './watermarks/contract.ts';
import type { BatchMark } from './watermarks/source-batches.ts';

/** Inputs read and watermarks adopted: one record of the task's own changelog, in the transaction of its state. */
export interface Position {
  /** Of the changelog that it is in; 1 where it does not say. */
  readonly format?: number;
  /** Next offset by logical input, `topic-partition`. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly watermarks: Readonly<Record<string, Reach>>;
  /** What was read of the batches of sources that come in such. */
  readonly batches?: Readonly<Record<string, BatchMark>>;
  /** Append time of the newest record of each source, where the first processor of the walk knows it: a sign that it lives. */
  readonly signs?: Readonly<Record<string, number>>;
  /** How far the task is with the revision of its rules, once there was one. */
  readonly revision?: RevisionPosition;
}

/**
 * Makes this process the owner of a task: fences earlier owners, opens the store (or throws away one that cannot be
 * trusted) and brings it to the end of the changelog. Only after this may the task process anything.
 */
export async function takeOver(
  environment: Environment,
  task: TaskId,
  producer: TransactionalProducer,
  signal: AbortSignal,
  onProgress: (progress: RestoreProgress) => void = () => undefined,
): Promise<{ store: Store; position: Position; offset: number }> {
  await producer.init(signal);
  const { kafka, names } = environment;
  const changelog = { topic: names.changelog(task.processor), partition: task.partition };
  const id = tpKey(changelog.topic, changelog.partition);
  // Asked for after the fence: everything the task ever committed lies below it.
  const end = (await kafka.admin.endOffsets([changelog])).get(id) ?? 0;
  const start = (await kafka.admin.startOffsets([changelog])).get(id) ?? 0;
  const { store, from } = await openTrusted(environment, storeName(task), start, end);
  try {
    const offset = await restore(environment, task, store, changelog, { from, end }, signal, onProgress);
    const bytes = store.get(dataKey(POSITION_ID));
    const position = bytes ? (decodeCell(bytes).value as Position) : { inputs: {}, watermarks: {} };
    const { format = 1 } = position;
    if (format !== FORMAT) {
      const advice = 'run the version that wrote it, or begin anew under another FRESHET_PREFIX';
      throw new FreshetError('FORMAT_MISMATCH', `${id} is of format ${format}, this program reads ${FORMAT}: ${advice}`);
    }
    return { store, position, offset };
  } catch (error) {
    await store.close();
    throw error;
  }
}

export function storeName(task: TaskId): string {
  return `${task.processor}-${task.partition}`;
}

async function openTrusted(
  environment: Environment,
  name: string,
  start: number,
  end: number,
): Promise<{ store: Store; from: number }> {
  const { engine, log } = environment;
  for (let attempt = 0; ; attempt++) {
    let store: Store | undefined;
    let distrust: string | undefined;
    try {
      store = await engine.open(name);
      const bytes = store.get(CHECKPOINT);
      if (!bytes) {
        if (store.scan({ gte: Buffer.from([0]), lt: Buffer.from([0xff]), limit: 1 }).length === 0) return { store, from: start };
        distrust = 'it has no checkpoint';
      } else {
        const checkpoint = JSON.parse(bytes.toString('utf8')) as Checkpoint;
        distrust = whyDistrust(environment, checkpoint, start, end);
        if (!distrust) return { store, from: checkpoint.offset };
      }
    } catch (error) {
      if (!(error instanceof FreshetError) || error.code !== 'STORE_CORRUPT' || attempt > 0) throw error;
      distrust = error.message;
    }
    log('warn', 'local store is thrown away and rebuilt from the changelog', { store: name, reason: distrust });
    await store?.close();
    await engine.destroy(name);
  }
}

function whyDistrust(environment: Environment, checkpoint: Checkpoint, start: number, end: number): string | undefined {
  if (checkpoint.format !== FORMAT) return `its format is ${checkpoint.format}, this program writes ${FORMAT}`;
  if (checkpoint.clusterId !== environment.clusterId) return 'it belongs to another cluster';
  if (checkpoint.offset < start || checkpoint.offset > end)
    return `its checkpoint ${checkpoint.offset} lies outside the changelog ${start}..${end}`;
  const age = environment.clock.now() - checkpoint.writtenAt;
  if (age > environment.changelogDeleteRetentionMs / 2) return 'it is so old that deletions may be missing from the changelog';
  return undefined;
}
