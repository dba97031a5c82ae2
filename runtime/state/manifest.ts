import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';

/** RocksDB's log format: blocks with records of checksum (4), length (2), type (1) and content; blocks end in less than a header. */
const BLOCK = 32 * 1024;
const HEADER = 7;

/**
 * Why the list of files of a RocksDB cannot be trusted; undefined if it can, or if there is no database yet. RocksDB itself
 * takes a damaged record for the end of the list, opens without the files named after it, and the log of newest writes on
 * top: a store with a hole that nothing tells of. What a crash has cut off counts as damage too, since a rebuild is only slow.
 */
export async function manifestDamage(folder: string): Promise<string | undefined> {
  const current = await contentOf(join(folder, 'CURRENT'));
  if (!current) return undefined;
  const name = current.toString('latin1').trimEnd();
  if (!/^MANIFEST-\d+$/.test(name)) return 'CURRENT names no manifest';
  const manifest = await contentOf(join(folder, name));
  if (!manifest) return `${name} is missing`;
  for (let at = 0; at < manifest.length;) {
    const left = BLOCK - (at % BLOCK);
    if (left < HEADER) {
      at += left;
      continue;
    }
    if (at + HEADER > manifest.length) return `${name} ends within a record`;
    const end = at + HEADER + manifest.readUInt16LE(at + 4);
    if (end > manifest.length || end - at > left) return `${name} ends within a record`;
    if (manifest.readUInt32LE(at) !== masked(crc32c(manifest.subarray(at + 6, end)))) return `${name} has a damaged record`;
    at = end;
  }
  return undefined;
}

/** Checksums of what holds checksums are stored rotated, plus a constant. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
