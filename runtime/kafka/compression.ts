import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { lz4Decompress } from './lz4.ts';
import { snappyDecompress } from './snappy.ts';

/** No batch gets larger than this, whatever it claims. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Undoes the compression of a batch's records. Throws when the bytes do not fit the codec, or the codec is not known. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case 1:
      return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
    case 2:
      return snappyDecompress(bytes, MAX_BYTES);
    case 3:
      return lz4Decompress(bytes, MAX_BYTES);
    case 4:
      return zstdDecompressSync(bytes, { maxOutputLength: MAX_BYTES });
    default:
      throw new RangeError(`unknown compression codec ${codec}`);
  }
}
