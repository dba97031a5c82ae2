import { crc32c } from '@node-rs/crc32';
import { FreshetError } from '../errors.ts';
import { noHeaders } from '../record.ts';
import type { Headers, ProduceRecord, RawRecord } from '../record.ts';
import { decompress } from './compression.ts';
import { VarintReader, varintSize, writeVarint } from './varint.ts';

/** Record batches of magic 2, the only format brokers store since Kafka 4. */

const HEADER_BYTES = 61;
/** Where the length that the header states begins to count. */
const LENGTH_FROM = 12;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const CODEC = 0x07;
const APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

export interface BatchIdentity {
  readonly producerId: number;
  readonly epoch: number;
  /** Sequence number of the first record in its partition. */
  readonly sequence: number;
  readonly transactional: boolean;
}

/** Encodes at least one record, without compression. `now` stamps records that have no timestamp. */
export function encodeBatch(records: readonly ProduceRecord[], identity: BatchIdentity, now: number): Buffer {
  const base = records[0]?.timestamp ?? now;
  const lengths = new Int32Array(records.length);
  let size = HEADER_BYTES;
  records.forEach((record, index) => {
    const length = recordLength(record, index, (record.timestamp ?? now) - base);
    lengths[index] = length;
    size += varintSize(length) + length;
  });
  const batch = Buffer.allocUnsafe(size);
  let at = HEADER_BYTES;
  let newest = base;
  records.forEach((record, index) => {
    const timestamp = record.timestamp ?? now;
    if (timestamp > newest) newest = timestamp;
    at = writeVarint(batch, at, lengths[index] ?? 0);
    at = writeRecord(batch, at, record, index, timestamp - base);
  });
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(size - LENGTH_FROM, 8);
  batch.writeInt32BE(-1, 12);
  batch[16] = 2;
  batch.writeInt16BE(identity.transactional ? TRANSACTIONAL : 0, ATTRIBUTES_AT);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(base), 27);
  batch.writeBigInt64BE(BigInt(newest), 35);
  batch.writeBigInt64BE(BigInt(identity.producerId), 43);
  batch.writeInt16BE(identity.epoch, 51);
  batch.writeInt32BE(identity.sequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT);
  return batch;
}

/** Upper bound of the bytes that a record takes in a batch. */
export function recordSize({ key, value, headers = noHeaders }: ProduceRecord): number {
  let size = 40 + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) size += 10 + name.length * 3 + (headers[name]?.length ?? 0);
  return size;
}

function recordLength({ key, value, headers = noHeaders }: ProduceRecord, offsetDelta: number, timeDelta: number): number {
  let count = 0;
  let length = 1 + varintSize(timeDelta) + varintSize(offsetDelta) + bytesSize(key) + bytesSize(value);
  for (const name in headers) {
    const nameBytes = Buffer.byteLength(name);
    length += varintSize(nameBytes) + nameBytes + bytesSize(headers[name] ?? null);
    count += 1;
  }
  return length + varintSize(count);
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}

function writeRecord(to: Buffer, start: number, record: ProduceRecord, offsetDelta: number, timeDelta: number): number {
  const { key, value, headers = noHeaders } = record;
  const names = Object.keys(headers);
  to[start] = 0;
  let at = writeVarint(to, start + 1, timeDelta);
  at = writeVarint(to, at, offsetDelta);
  at = writeBytes(to, at, key);
  at = writeBytes(to, at, value);
  at = writeVarint(to, at, names.length);
  for (const name of names) {
    at = writeVarint(to, at, Buffer.byteLength(name));
    at += to.write(name, at, 'utf8');
    at = writeBytes(to, at, headers[name] ?? null);
  }
  return at;
}

function writeBytes(to: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(to, at, -1);
  const from = writeVarint(to, at, bytes.length);
  return from + bytes.copy(to, from);
}

/** The header of a batch that was read; its records are decoded when asked for. */
export interface ReadBatch {
  readonly baseOffset: number;
  /** First offset after the batch, whatever compaction left of it. */
  readonly nextOffset: number;
  /** -1 when not idempotent. */
  readonly producerId: number;
  readonly transactional: boolean;
  readonly control: boolean;
  /** Largest timestamp of its records, epoch milliseconds. */
  readonly newest: number;
  /** As it lies in the log. */
  readonly bytes: Buffer;
  /** Throws FreshetError CORRUPT_BATCH. */
  records(): readonly RawRecord[];
}

/**
 * The whole batches of a fetch response's record bytes; one that is cut off at the end is left out. Throws FreshetError
 * CORRUPT_BATCH, naming the offset, when a checksum or a length does not fit. Keys and values are views of `buffer`.
 */
export function* readBatches(buffer: Buffer, where: string): Generator<ReadBatch, void, undefined> {
  let at = 0;
  while (buffer.length - at >= LENGTH_FROM) {
    const baseOffset = Number(buffer.readBigInt64BE(at));
    const length = buffer.readInt32BE(at + 8);
    if (length < HEADER_BYTES - LENGTH_FROM) throw corrupt(where, baseOffset, `a batch of ${length} bytes`);
    if (length > buffer.length - at - LENGTH_FROM) return;
    const batch = buffer.subarray(at, at + LENGTH_FROM + length);
    yield readBatch(batch, baseOffset, where);
    at += LENGTH_FROM + length;
  }
}

function readBatch(batch: Buffer, baseOffset: number, where: string): ReadBatch {
  if (batch[16] !== 2) throw corrupt(where, baseOffset, `message format ${batch[16]} instead of 2`);
  if (batch.readUInt32BE(CRC_AT) !== crc32c(batch.subarray(ATTRIBUTES_AT))) throw corrupt(where, baseOffset, 'a wrong checksum');
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  const lastOffsetDelta = batch.readInt32BE(23);
  if (lastOffsetDelta < 0) throw corrupt(where, baseOffset, `a last offset delta of ${lastOffsetDelta}`);
  return {
    baseOffset,
    nextOffset: baseOffset + lastOffsetDelta + 1,
    producerId: Number(batch.readBigInt64BE(43)),
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
    newest: Number(batch.readBigInt64BE(35)),
    bytes: batch,
    records: () => {
      try {
        return readRecords(batch, baseOffset, attributes);
      } catch (error) {
        throw corrupt(where, baseOffset, error instanceof Error ? error.message : 'unreadable records', error);
      }
    },
  };
}

function readRecords(batch: Buffer, baseOffset: number, attributes: number): readonly RawRecord[] {
  const codec = attributes & CODEC;
  const payload = batch.subarray(HEADER_BYTES);
  const from = new VarintReader(codec === 0 ? payload : decompress(codec, payload));
  const baseTimestamp = Number(batch.readBigInt64BE(27));
  const appendTime = (attributes & APPEND_TIME) === 0 ? undefined : Number(batch.readBigInt64BE(35));
  const count = batch.readInt32BE(57);
  const records: RawRecord[] = [];
  for (let index = 0; index < count; index++) records.push(readRecord(from, baseOffset, baseTimestamp, appendTime));
  if (from.offset !== from.end) throw new RangeError('bytes left after the last record');
  return records;
}

/** The lengths inside a record are checked against its own when it has been read. */
function readRecord(batch: VarintReader, baseOffset: number, baseTimestamp: number, appendTime: number | undefined): RawRecord {
  const length = batch.varint();
  if (length < 0 || length > batch.end - batch.offset) throw new RangeError('past the end');
  const end = batch.offset + length;
  batch.byte();
  const timestamp = baseTimestamp + batch.varint();
  const offset = baseOffset + batch.varint();
  const key = batch.bytes();
  const value = batch.bytes();
  const headers = readHeaders(batch);
  if (batch.offset !== end) throw new RangeError('a record that is not as long as it says');
  return { key, value, headers, timestamp: appendTime ?? timestamp, offset };
}

function readHeaders(from: VarintReader): Headers {
  const count = from.varint();
  if (count === 0) return noHeaders;
  if (count < 0 || count > from.end - from.offset) throw new RangeError('past the end');
  const headers = Object.create(null) as Record<string, Buffer>;
  for (let index = 0; index < count; index++) {
    const name = from.bytes();
    if (name === null) throw new RangeError('a header without a name');
    headers[name.toString('utf8')] = from.bytes() ?? Buffer.alloc(0);
  }
  return headers;
}

function corrupt(where: string, offset: number, what: string, cause?: unknown): FreshetError {
  return new FreshetError('CORRUPT_BATCH', `${where} at offset ${offset}: ${what}`, { cause });
}
