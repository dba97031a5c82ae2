import type { ReadBatch } from './record-batch.ts';

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/**
 * Which batches of one fetch hold committed data, to be asked in offset order. `aborted` is what the broker sent with
 * them, in the order in which the transactions ended; the marker that ends one is known by the batch, never by a key.
 */
export function committedFilter(aborted: readonly AbortedTransaction[]): (batch: ReadBatch) => boolean {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  let next = 0;
  return (batch) => {
    for (let first = waiting[next]; first !== undefined && first.firstOffset < batch.nextOffset; first = waiting[++next]) {
      open.add(first.producerId);
    }
    if (!batch.control) return !(batch.transactional && open.has(batch.producerId));
    if (isAbortMarker(batch)) open.delete(batch.producerId);
    return false;
  };
}

/** A control record's key is its version and its type, both int16; type 0 aborts. */
function isAbortMarker(batch: ReadBatch): boolean {
  const key = batch.records()[0]?.key;
  return key !== null && key !== undefined && key.length >= 4 && key.readInt16BE(2) === 0;
}
