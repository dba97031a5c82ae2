import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decompress } from './compression.ts';
import { readBatches } from './record-batch.ts';

/** The same three records as a broker (Kafka 4.1) stored them under each compression.type. */
const stored = {
  gzip: 'AAAAAAAAAAAAAACQAAAAAAK5B4yEAAEAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAADoAAAAAAAAAAAAAx+LCAAAAAAAAP/TYmBgYMk2kCrKL9dRgBEMdgxMTCzZhnooogqV+aVFCkn5iSUMl1gYWFhYso0OsKSn5pXkVCqk5JfnKZRkpCoUlxSlJuZaKYyKQ8QZABq8rhBhAQAA',
  snappy:
    'AAAAAAAAAAAAAACjAAAAAALHkpzPAAIAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAADpAAAAAAAAAAAAA4JTTkFQUFkAAAAAAQAAAAEAAABe4QIwKgAAAARrMBpyb3csIBEFIAA+AAICBGsxLhERBRuwIHlvdXIgYm9hdADSBAAEBARrMsAEZ2VudGx5IGRvd24gdGhlIHN0cmVhbTog/hgA/hgA/hgA/hgAERgAAA==',
  lz4: 'AAAAAAAAAAAAAACXAAAAAAIGVlImAAMAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAADqAAAAAAAAAAAAAwQiTRhgQIJXAAAA1CoAAAAEazAacm93LCAFAJQAPgACAgRrMS4RAAEbAP8eIHlvdXIgYm9hdADSBAAEBARrMsAEZ2VudGx5IGRvd24gdGhlIHN0cmVhbTogGADxUGFtOiAAAAAAAA==',
  zstd: 'AAAAAAAAAAAAAACQAAAAAAKOXZV6AAQAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAADrAAAAAAAAAAAAAyi1L/0AWJwCAEQEKgAAAARrMBpyb3csIAA+AAICBGsxLiB5b3VyIGJvYXQA0gQABAQEazLABGdlbnRseSBkb3duIHRoZSBzdHJlYW06IAAEAC3YqQoIS5McIMoXAQAA',
};
const codecs = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

describe('compressed batches', () => {
  it.each(names)('of %s are read as a broker stores them', (codec) => {
    const records = [...readBatches(Buffer.from(stored[codec], 'base64'), 'topic-1')].flatMap((batch) => batch.records());
    const values = ['row, row, row', 'row, row, row your boat', 'gently down the stream: '.repeat(12)];
    expect(records.map(({ value }) => value?.toString())).toEqual(values);
    expect(records.map(({ key, offset, timestamp }) => [key?.toString(), offset, timestamp])).toEqual(
      [0, 1, 2].map((index) => [`k${index}`, index, 1_700_000_000_000 + index]),
    );
  });

  it.each(names)('of %s with any damage end in an error or in other bytes, never in a hang', (codec) => {
    const whole = Buffer.from(stored[codec], 'base64').subarray(61);
    const damage = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat({ max: whole.length }), (changes, cut) => {
        const bytes = Buffer.from(whole);
        for (const [place, byte] of changes) bytes[place] = byte;
        try {
          expect(decompress(codecs[codec], bytes.subarray(0, cut)).length).toBeLessThanOrEqual(64 * 1024 * 1024);
        } catch (error) {
          expect(error).toHaveProperty('message');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of a codec that does not exist are refused', () => {
    expect(() => decompress(7, Buffer.alloc(4))).toThrow('unknown compression codec 7');
  });
});
