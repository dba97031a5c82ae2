import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { crc32c } from '@node-rs/crc32';
import { FreshetError } from '../errors.ts';
import type { ProduceRecord, RawRecord } from '../record.ts';
import { encodeBatch, readBatches, recordSize } from './record-batch.ts';

const plain = { producerId: -1, epoch: -1, sequence: -1, transactional: false };
const NOW = 1_700_000_000_000;

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const anyRecord: fc.Arbitrary<ProduceRecord> = fc.record(
  {
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string({ maxLength: 20 }), bytes, { maxKeys: 4 }),
    timestamp: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  },
  { requiredKeys: ['key', 'value'] },
);
const someRecords = fc.array(anyRecord, { minLength: 1, maxLength: 30 });

function decode(buffer: Buffer): RawRecord[] {
  return [...readBatches(buffer, 'topic-0')].flatMap((batch) => batch.records());
}

/** What `encodeBatch` wrote, with another base offset: the checksum does not cover it. */
function at(offset: number, batch: Buffer): Buffer {
  const moved = Buffer.from(batch);
  moved.writeBigInt64BE(BigInt(offset), 0);
  return moved;
}

describe('record batches', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(someRecords, fc.nat({ max: 2 ** 40 }), (records, offset) => {
        const found = decode(at(offset, encodeBatch(records, plain, NOW)));
        expect(found.map((record) => ({ ...record, headers: { ...record.headers } }))).toEqual(
          records.map(({ key, value, headers, timestamp }, index) => ({
            key,
            value,
            headers: { ...headers },
            timestamp: timestamp ?? NOW,
            offset: offset + index,
          })),
        );
      }),
    );
  });

  it('are never larger than the sizes of their records say', () => {
    fc.assert(
      fc.property(someRecords, (records) => {
        const bound = records.reduce((sum, record) => sum + recordSize(record), 61);
        expect(encodeBatch(records, plain, NOW).length).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('carry the producer in their header', () => {
    const identity = { producerId: 2 ** 40 + 7, epoch: 12, sequence: 2 ** 31 - 1, transactional: true };
    const encoded = at(500, encodeBatch([{ key: null, value: null }], identity, NOW));
    const [batch] = readBatches(encoded, 'topic-0');
    expect(batch).toMatchObject({
      baseOffset: 500,
      nextOffset: 501,
      producerId: 2 ** 40 + 7,
      transactional: true,
      control: false,
    });
    expect([encoded.readInt16BE(51), encoded.readInt32BE(53)]).toEqual([12, 2 ** 31 - 1]);
  });

  it('keep a header named like a property of every object', () => {
    const headers = Object.fromEntries([['__proto__', Buffer.from('x')]]);
    const [record] = decode(encodeBatch([{ key: null, value: null, headers }], plain, NOW));
    expect(record?.headers['__proto__']?.toString()).toBe('x');
  });

  it('follow each other in one response, of which the last may be cut off', () => {
    const first = at(0, encodeBatch([{ key: null, value: Buffer.from('a') }], plain, NOW));
    const second = at(1, encodeBatch([{ key: null, value: Buffer.from('b') }], plain, NOW));
    for (let cut = 0; cut < second.length; cut++) {
      expect(decode(Buffer.concat([first, second.subarray(0, cut)])).map(({ offset }) => offset)).toEqual([0]);
    }
    expect(decode(Buffer.concat([first, second]))).toHaveLength(2);
  });

  it('with one flipped bit are refused, and the error names the offset', () => {
    const batch = at(77, encodeBatch([{ key: Buffer.from('key'), value: Buffer.from('value') }], plain, NOW));
    fc.assert(
      fc.property(fc.integer({ min: 16 * 8, max: batch.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(batch);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => decode(flipped)).toThrow(
          expect.objectContaining({ code: 'CORRUPT_BATCH', message: expect.stringContaining('77') }),
        );
      }),
    );
  });

  it('made of any bytes are read, or refused with CORRUPT_BATCH, and nothing else', () => {
    const noise = fc.uint8Array({ minLength: 61, maxLength: 400 }).map((array) => Buffer.from(array));
    const wrapped = fc.tuple(someRecords, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }), fc.boolean());
    const hostile = wrapped.map(([records, changes, sealed]) => {
      const batch = encodeBatch(records, plain, NOW);
      for (const [place, byte] of changes) batch[12 + (place % (batch.length - 12))] = byte;
      if (!sealed) return batch;
      batch[16] = 2;
      batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
      return batch;
    });
    fc.assert(
      fc.property(fc.oneof(noise, hostile), (buffer) => {
        try {
          decode(buffer);
        } catch (error) {
          expect(error).toBeInstanceOf(FreshetError);
          expect(error).toHaveProperty('code', 'CORRUPT_BATCH');
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
