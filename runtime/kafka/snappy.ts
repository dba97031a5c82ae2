/**
 * Snappy as Kafka's clients write it: the blocks of Java's SnappyOutputStream, or one raw block.
 * Formats: google/snappy format_description.txt, xerial/snappy-java SnappyCodec.
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** Throws RangeError when the bytes are no snappy, or become more than `maxBytes`. */
export function snappyDecompress(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return decompressBlock(bytes, maxBytes);
  const blocks: Buffer[] = [];
  let left = maxBytes;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || length > bytes.length - at) throw new RangeError('snappy: block past the end');
    const block = decompressBlock(bytes.subarray(at, at + length), left);
    left -= block.length;
    blocks.push(block);
    at += length;
  }
  return Buffer.concat(blocks);
}

function decompressBlock(from: Buffer, maxBytes: number): Buffer {
  let at = 0;
  const byte = (): number => {
    if (at >= from.length) throw new RangeError('snappy: past the end');
    return from[at++] ?? 0;
  };
  const number = (bytes: number): number => {
    let value = 0;
    for (let index = 0; index < bytes; index++) value += byte() * 2 ** (8 * index);
    return value;
  };
  let size = 0;
  for (let shift = 0, next = 128; next >= 128; shift += 7) {
    if (shift > 28) throw new RangeError('snappy: length');
    next = byte();
    size += (next & 127) * 2 ** shift;
  }
  if (size > maxBytes) throw new RangeError(`snappy: ${size} bytes are too many`);

  const to = Buffer.allocUnsafe(size);
  let end = 0;
  while (at < from.length) {
    const tag = byte();
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) length = number(length - 60) + 1;
      if (length > from.length - at || length > size - end) throw new RangeError('snappy: literal past the end');
      from.copy(to, end, at, at + length);
      at += length;
    } else {
      if (kind === 1) length = ((tag >>> 2) & 7) + 4;
      const distance = kind === 1 ? ((tag >>> 5) << 8) + byte() : number(kind === 2 ? 2 : 4);
      copyBack(to, end, distance, length);
    }
    end += length;
  }
  if (end !== size) throw new RangeError('snappy: too short');
  return to;
}

/** Repeats what was written `distance` bytes before; source and target may overlap. */
export function copyBack(to: Buffer, end: number, distance: number, length: number): void {
  if (distance === 0 || distance > end || length > to.length - end) throw new RangeError('copy out of range');
  if (distance >= length) to.copyWithin(end, end - distance, end - distance + length);
  else for (let index = 0; index < length; index++) to[end + index] = to[end - distance + index] ?? 0;
}
