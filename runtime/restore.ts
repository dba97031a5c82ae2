import { setImmediate as immediate } from 'node:timers/promises';
import type { Environment } from './environment.ts';
import { FreshetError } from './errors.ts';
import type { TaskId } from './processor.ts';
import type { TopicPartition } from './record.ts';
import { dataKey, decodeCell, FORMAT, hasMarks, metaKey } from './state/layout.ts';
import { hintOps } from './state/hints.ts';
import type { Store, StoreOp } from './state/store.ts';

/** How far the local store has come; written with every batch, never in the changelog. */
export interface Checkpoint {
  readonly format: number;
  readonly clusterId: string;
  /** Next offset of the changelog that the store has not got. */
  readonly offset: number;
  /** Wall time of the write, epoch milliseconds. */
  readonly writtenAt: number;
}

export const CHECKPOINT = metaKey('checkpoint');

export function checkpointOp(checkpoint: Checkpoint): StoreOp {
  return { kind: 'put', key: CHECKPOINT, value: Buffer.from(JSON.stringify(checkpoint)) };
}

/** How far a task has come in bringing its store to the end of its changelog. */
export interface RestoreProgress {
  /** Records put into the store, and their bytes. */
  readonly records: number;
  readonly bytes: number;
  /** Offsets still to be read: as many records at most, since compaction leaves gaps. */
  readonly left: number;
  /** At the pace so far; undefined as long as there is none. */
  readonly secondsLeft: number | undefined;
}

/** The first byte of the key of a part in the store: the rest are those of its key in the changelog. */
const DATA = dataKey('')[0] ?? 0;
const PAGE = 5000;
const TELL_EVERY_MS = 2000;

/**
 * Reads the changelog from `from` to `end` into the store and answers where it stands then. Nothing may be processed
 * before. Tells how far it has come: `onProgress` and the metrics after every page, the log every two seconds.
 */
export async function restore(
  environment: Environment,
  task: TaskId,
  store: Store,
  changelog: TopicPartition,
  range: { readonly from: number; readonly end: number },
  signal: AbortSignal,
  onProgress: (progress: RestoreProgress) => void,
): Promise<number> {
  const { from, end } = range;
  if (from >= end) return from;
  let wake: () => void = () => undefined;
  const notify = (): void => wake();
  const stream = environment.reader.open(changelog, from, { notify });
  signal.addEventListener('abort', notify);
  const name = `${task.processor}-${task.partition}`;
  const began = performance.now();
  let toldAt = began;
  let records = 0;
  let bytes = 0;
  const tell = (): void => {
    const position = Math.min(stream.position, end);
    const seconds = (performance.now() - began) / 1000;
    const left = end - position;
    const secondsLeft = position > from ? Math.ceil((seconds * left) / (position - from)) : undefined;
    onProgress({ records, bytes, left, secondsLeft });
    environment.metrics.restored(task, records, bytes, left, secondsLeft ?? 0);
    if (left === 0 || performance.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = performance.now();
    environment.log('info', 'restoring', { task: name, records, bytes, left, secondsLeft });
  };
  tell();
  try {
    for (;;) {
      if (signal.aborted) throw new FreshetError('CLOSED', 'The task was stopped while it was restoring.');
      if (stream.error) throw stream.error;
      const page = stream.take(PAGE);
      if (page.length > 0) {
        const ops: StoreOp[] = [];
        for (const { key, value } of page) {
          if (!key) continue;
          records += 1;
          bytes += key.length + (value?.length ?? 0);
          restoredOps(ops, key, value);
        }
        ops.push(checkpointOf(environment, stream.position));
        await store.write(ops);
        tell();
        // The whole changelog may lie in memory already: others of this process want their turn.
        await immediate();
      } else if (stream.position >= end) {
        await store.write([checkpointOf(environment, stream.position)]);
        tell();
        const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
        environment.log('info', 'restored', { task: name, records, bytes, seconds });
        return stream.position;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (stream.queued > 0 || stream.position >= end || stream.error || signal.aborted) resolve();
        });
      }
    }
  } finally {
    signal.removeEventListener('abort', notify);
    stream.close();
  }
}

function checkpointOf(environment: Environment, offset: number): StoreOp {
  return checkpointOp({ format: FORMAT, clusterId: environment.clusterId, offset, writtenAt: environment.clock.now() });
}

/** Hints of what a part was before stay behind: they are checked against the part before they count. */
function restoredOps(ops: StoreOp[], id: Buffer, value: Buffer | null): void {
  const key = Buffer.allocUnsafe(id.length + 1);
  key[0] = DATA;
  id.copy(key, 1);
  if (value === null) return void ops.push({ kind: 'del', key });
  ops.push({ kind: 'put', key, value });
  if (hasMarks(value)) ops.push(...hintOps({ id: id.toString('utf8'), before: undefined, after: decodeCell(value) }));
}
