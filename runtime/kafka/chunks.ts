import type { ProduceRecord } from '../record.ts';
import { recordSize } from './record-batch.ts';

/** Well below max.message.bytes' default of 1 MiB, as one batch has to fit into it. */
const MAX_CHUNK_BYTES = 512 * 1024;
/** Encoding and decoding block the event loop. */
const MAX_CHUNK_RECORDS = 5_000;

/** Cuts records into runs that fit into one record batch each; a record that is larger gets a run of its own. */
export function chunksOf(records: readonly ProduceRecord[]): ProduceRecord[][] {
  const chunks: ProduceRecord[][] = [];
  let chunk: ProduceRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordSize(record);
    if (chunk.length > 0 && (bytes + size > MAX_CHUNK_BYTES || chunk.length === MAX_CHUNK_RECORDS)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(record);
    bytes += size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

/** Two halves of a chunk that was too large for the topic. */
export function halves<T>(chunk: readonly T[]): [T[], T[]] {
  const middle = chunk.length >>> 1;
  return [chunk.slice(0, middle), chunk.slice(middle)];
}

/** Sequence numbers are 31 bits wide and wrap to 0. */
export function nextSequence(sequence: number, records: number): number {
  return (sequence + records) % 2 ** 31;
}
