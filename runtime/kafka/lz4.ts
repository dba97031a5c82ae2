import { copyBack } from './snappy.ts';

/** The LZ4 frame format (lz4_Frame_format.md), without checking its own checksums: the batch has one. */
const MAGIC = 0x184d2204;
const BLOCK_BYTES = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];
const HISTORY_BYTES = 64 * 1024;

/** Throws RangeError when the bytes are no LZ4 frame, or become more than `maxBytes`. */
export function lz4Decompress(from: Buffer, maxBytes: number): Buffer {
  if (from.readUInt32LE(0) !== MAGIC) throw new RangeError('lz4: no frame');
  const flags = from.readUInt8(4);
  const blockBytes = BLOCK_BYTES[(from.readUInt8(5) >>> 4) & 7] ?? 0;
  const linked = (flags & 0x20) === 0;
  const blockChecksum = (flags & 0x10) !== 0;
  let at = 6 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4) + 1;
  const blocks: Buffer[] = [];
  let history: Buffer = Buffer.alloc(0);
  let total = 0;
  for (;;) {
    const word = from.readUInt32LE(at);
    at += 4;
    if (word === 0) return Buffer.concat(blocks, total);
    const length = word & 0x7fffffff;
    if (length > from.length - at) throw new RangeError('lz4: block past the end');
    const bytes = from.subarray(at, at + length);
    const block = word > 0x7fffffff ? bytes : decompressBlock(bytes, history, blockBytes);
    at += length + (blockChecksum ? 4 : 0);
    total += block.length;
    if (total > maxBytes) throw new RangeError('lz4: too many bytes');
    blocks.push(block);
    if (linked) history = Buffer.concat([history, block]).subarray(-HISTORY_BYTES);
  }
}

function decompressBlock(from: Buffer, history: Buffer, maxBytes: number): Buffer {
  const to = Buffer.allocUnsafe(history.length + maxBytes);
  history.copy(to);
  let end = history.length;
  let at = 0;
  const byte = (): number => {
    if (at >= from.length) throw new RangeError('lz4: past the end');
    return from[at++] ?? 0;
  };
  const extended = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) more = byte();
    return length;
  };
  while (at < from.length) {
    const token = byte();
    const literals = extended(token >>> 4);
    if (literals > from.length - at || literals > to.length - end) throw new RangeError('lz4: literal past the end');
    from.copy(to, end, at, at + literals);
    at += literals;
    end += literals;
    if (at === from.length) break;
    const distance = byte() + byte() * 256;
    const length = extended(token & 15) + 4;
    copyBack(to, end, distance, length);
    end += length;
  }
  return to.subarray(history.length, end);
}
