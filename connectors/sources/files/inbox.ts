import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesConfig } from '../../../schemas/config.ts';
import type { SeenFile } from './intake-state.ts';

/** Names of files that are still being written, by convention; they are taken under the name that they get in the end. */
const unfinished = /^\.|~$|\.(tmp|temp|part|partial|filepart|crdownload)$/i;
const byEnding: Readonly<Record<string, 'csv' | 'ndjson'>> = { csv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson' };

/** The format of a file of such a name; undefined: it is none of the source's. */
export function formatOf(
  name: string,
  { format, pattern }: Pick<FilesConfig, 'format' | 'pattern'>,
): 'csv' | 'ndjson' | undefined {
  if (unfinished.test(name) || (pattern !== null && !patternOf(pattern).test(name))) return undefined;
  const known = byEnding[name.slice(name.lastIndexOf('.') + 1).toLowerCase()];
  return pattern === null ? known && (format ?? known) : (format ?? known);
}

function patternOf(pattern: string): RegExp {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's');
}

/** The files of a source in its folder, in the order of their names. Rejects when the folder cannot be listed. */
export async function filesIn(folder: string, files: Pick<FilesConfig, 'format' | 'pattern'>): Promise<readonly SeenFile[]> {
  const names = (await readdir(folder)).filter((name) => formatOf(name, files) !== undefined).sort();
  const seen: SeenFile[] = [];
  for (const name of names) {
    const file = await seenAs(folder, name);
    if (file !== undefined) seen.push(file);
  }
  return seen;
}

/** The file as it is now; undefined: there is none of this name. */
export async function seenAs(folder: string, name: string): Promise<SeenFile | undefined> {
  try {
    const found = await stat(join(folder, name));
    return found.isFile() ? { name, size: found.size, modified: Math.floor(found.mtimeMs) } : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function isSame(one: SeenFile, other: SeenFile): boolean {
  return one.name === other.name && one.size === other.size && one.modified === other.modified;
}

/** SHA-256 in hex of the first `size` bytes. */
export async function digestOf(path: string, size: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  if (size > 0)
    for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: 1024 * 1024, signal }))
      hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Moves a file to a folder in its own, beside an earlier one of the same name. The code of the fault where it has to stay. */
export async function moveTo(
  folder: string,
  to: 'done' | 'failed',
  { name, digest }: { readonly name: string; readonly digest: string },
): Promise<string | undefined> {
  try {
    await mkdir(join(folder, to), { recursive: true });
    const isTaken = (await seenAs(join(folder, to), name)) !== undefined;
    await rename(join(folder, name), join(folder, to, isTaken ? `${name}.${digest.slice(0, 12)}` : name));
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown fault';
}

/** Tells which files have been the same for long enough to be whole. `now` is monotonic, milliseconds. */
export function settling(settleMs: number): (files: readonly SeenFile[], now: number) => readonly SeenFile[] {
  let since = new Map<string, { readonly file: SeenFile; readonly at: number }>();
  return (files, now) => {
    const next: typeof since = new Map();
    for (const file of files) {
      const before = since.get(file.name);
      next.set(file.name, before && isSame(before.file, file) ? before : { file, at: now });
    }
    since = next;
    return files.filter(({ name }) => now - (since.get(name)?.at ?? now) >= settleMs);
  };
}
