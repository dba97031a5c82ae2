/** Zig-zag varints as in record batches: exact for integers up to 2^53. Sizes in bytes. */
export function varintSize(value: number): number {
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  if (rest < 128) return 1;
  let size = 1;
  while (rest >= 128) {
    rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
    size++;
  }
  return size;
}

/** Writes at `at` and returns where it ends. */
export function writeVarint(to: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  while (rest >= 128) {
    to[at++] = (rest % 128) | 128;
    rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
  }
  to[at++] = rest;
  return at;
}

/** Reads what `writeVarint` wrote, and byte strings with a varint length. Throws RangeError past the end. */
export class VarintReader {
  readonly buffer: Buffer;
  offset: number;
  readonly end: number;

  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    this.buffer = buffer;
    this.offset = offset;
    this.end = end;
  }

  byte(): number {
    if (this.offset >= this.end) throw new RangeError('past the end');
    return this.buffer[this.offset++] ?? 0;
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    for (let scale = 128; byte >= 128; scale *= 128) {
      if (scale > 2 ** 63) throw new RangeError('varint of more than 10 bytes');
      byte = this.byte();
      value += (byte & 127) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A view of the bytes, null for length -1. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length === -1) return null;
    const from = this.offset;
    if (length < 0 || length > this.end - from) throw new RangeError('past the end');
    this.offset += length;
    return this.buffer.subarray(from, from + length);
  }
}
