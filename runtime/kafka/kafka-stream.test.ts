import { crc32c } from '@node-rs/crc32';
import { describe, expect, it } from '@jest/globals';
import type { StreamOptions } from './contract.ts';
import { KafkaStream } from './kafka-stream.ts';
import { encodeBatch } from './record-batch.ts';

const identity = { producerId: 1, epoch: 0, sequence: 0, transactional: false };
const owner = { onRoom: () => undefined, onClose: () => undefined };
const open = (options: StreamOptions = {}) => new KafkaStream(owner, { topic: 'numbers', partition: 3 }, 0, options);

/** Batches of three records each, one after the other. */
function batch(baseOffset: number): Buffer {
  const records = [0, 1, 2].map((index) => ({ key: Buffer.from('k'), value: Buffer.from(`v${baseOffset + index}`) }));
  const bytes = encodeBatch(records, identity, 1_000);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return bytes;
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

/** As a broker of the future would store it: whole, but in a codec that we do not know. */
function unknownCodec(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeInt16BE(5, 21);
  copy.writeUInt32BE(crc32c(copy.subarray(21)), 17);
  return copy;
}

const fetched = (...batches: readonly Buffer[]) => ({
  topic: 'numbers',
  partition: 3,
  errorCode: 0,
  highWatermark: 9,
  aborted: [],
  batches: Buffer.concat(batches),
});
const values = (stream: KafkaStream): string[] => stream.take(100).map(({ value }) => String(value));

describe('a stream of a partition', () => {
  it.each([
    ['the offset', 1],
    ['the length', 9],
    ['the format', 16],
    ['the checksum', 18],
    ['the attributes', 22],
    ['the number of records', 26],
    ['a record', 70],
  ])('hands out nothing of a batch in which %s was damaged on its way, and all of it when it comes again', (_, at) => {
    const stream = open();
    stream.accept(fetched(batch(0), flipped(batch(3), at), batch(6)));
    expect(values(stream)).toEqual(['v0', 'v1', 'v2']);
    expect(stream.position).toBe(3);
    stream.accept(fetched(batch(3), batch(6)));
    expect(values(stream)).toEqual(['v3', 'v4', 'v5', 'v6', 'v7', 'v8']);
    expect([stream.error, stream.damage]).toEqual([undefined, undefined]);
  });

  it('ends where the same bytes are damaged each time, and names the place', () => {
    const stream = open();
    stream.accept(fetched(batch(0)));
    for (let time = 1; time <= 5; time++) {
      expect(stream.error).toBeUndefined();
      stream.accept(fetched(flipped(batch(3), 70)));
    }
    expect(stream.error).toMatchObject({ code: 'CORRUPT_BATCH', message: 'numbers-3 at offset 3: a wrong checksum' });
    expect(values(stream)).toEqual(['v0', 'v1', 'v2']);
  });

  it('hands out a batch of an unknown codec as one record that says so, where that is wanted, and goes on', () => {
    const stream = open({ unreadable: 'hand-out' });
    stream.accept(fetched(batch(0), unknownCodec(batch(3)), batch(6)));
    const records = stream.take(100);
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 6, 7, 8]);
    expect(records[3]?.unreadable).toMatch(/^3 records: .* unknown compression codec 5$/);
    expect(records[3]?.value).toEqual(unknownCodec(batch(3)));
    expect(stream.position).toBe(9);
  });

  it('ends at a batch of an unknown codec where nobody can refuse it', () => {
    const stream = open();
    for (let time = 0; time < 5; time++) stream.accept(fetched(unknownCodec(batch(0))));
    expect(stream.error).toMatchObject({ code: 'CORRUPT_BATCH' });
  });
});
