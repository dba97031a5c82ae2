import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';

/** A line of a file without its end, counted from 1; without text where its bytes are not UTF-8. */
export interface Line {
  readonly number: number;
  readonly text: string | undefined;
}

/** The longest line that is read, in bytes; a longer one is taken apart and found damaged. */
const maxLineBytes = 8 * 1024 * 1024;
const newline = 0x0a;
const byteOrderMark = '\uFEFF';

/** The lines of a file, in batches as they are read. A file that cannot be read: CONFIG_INVALID. */
export async function* linesOf(path: string, signal?: AbortSignal): AsyncGenerator<readonly Line[]> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  const line = (bytes: Buffer): Line => {
    number += 1;
    if (!isUtf8(bytes)) return { number, text: undefined };
    const text = bytes.toString('utf8');
    const end = text.endsWith('\r') ? -1 : undefined;
    return { number, text: text.slice(number === 1 && text.startsWith(byteOrderMark) ? 1 : 0, end) };
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, ...(signal ? { signal } : {}) })) {
      const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      const lines: Line[] = [];
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        lines.push(line(bytes.subarray(start, end)));
        start = end + 1;
      }
      rest = bytes.subarray(start);
      if (rest.length > maxLineBytes) {
        lines.push(line(rest));
        rest = Buffer.alloc(0);
      }
      yield lines;
    }
  } catch (error) {
    if (signal?.aborted === true) return;
    const { code } = error as { code?: unknown };
    throw new FreshetError(
      'CONFIG_INVALID',
      `${basename(path)} cannot be read: ${typeof code === 'string' ? code : 'unknown fault'}`,
      {
        cause: error,
      },
    );
  }
  if (rest.length > 0) yield [line(rest)];
}
