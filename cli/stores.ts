import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FreshetError } from '../runtime/errors.ts';
import type { TaskId } from '../runtime/processor.ts';
import type { StoreEngine } from '../runtime/state/store.ts';

/** Tasks whose stores lie in a folder, from an earlier run. */
export async function storedTasks(folder: string): Promise<readonly TaskId[]> {
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const [, processor, partition] = /^(.+)-(\d+)$/.exec(name) ?? [];
    return processor === undefined ? [] : [{ processor, partition: Number(partition) }];
  });
}

/** The name under which the process that works with a folder of stores is known to its groups: made once and kept there, if there is room. */
export async function instanceOf(folder: string): Promise<string | undefined> {
  const file = join(folder, 'instance');
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known !== '') return known;
  const name = randomUUID();
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(file, name);
    return name;
  } catch {
    return undefined;
  }
}

/** The same stores; what fails for want of room, or because another process has it, says where, how much room there is, and what to do. */
export function withAdvice(engine: StoreEngine, folder: string): StoreEngine {
  const told = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw await advised(error, join(folder, name));
    }
  };
  return {
    open: (name) =>
      told(name, async () => {
        const store = await engine.open(name);
        return {
          getMany: (keys) => store.getMany(keys),
          get: (key) => store.get(key),
          write: (ops) => told(name, () => store.write(ops)),
          scan: (range) => store.scan(range),
          size: () => store.size(),
          close: () => store.close(),
        };
      }),
    destroy: (name) => told(name, () => engine.destroy(name)),
  };
}

const noRoom = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG']);

async function advised(cause: unknown, path: string): Promise<unknown> {
  const code = cause instanceof FreshetError ? cause.code : undefined;
  const isFull = code === 'STORE_FULL' || noRoom.has((cause as NodeJS.ErrnoException | null)?.code ?? '');
  if (isFull) {
    const free = await freeBytes(path);
    const room = free === undefined ? '' : ` (${free} bytes free)`;
    const message = `no room for the store in ${path}${room}: make room on that disk; ${messageOf(cause)}`;
    return new FreshetError('STORE_FULL', message, { cause, retryable: true });
  }
  if (code !== 'STORE_LOCKED') return cause;
  const message = `the store in ${path} is open in another process: give each process a FRESHET_DATA_DIR of its own, or end the other`;
  return new FreshetError('STORE_LOCKED', message, { cause, retryable: true });
}

/** Of the disk of a folder that may not be there yet. */
async function freeBytes(path: string): Promise<number | undefined> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
