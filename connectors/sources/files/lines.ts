import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';

/** A line of a file without its end, counted from 1; without text where its bytes are not UTF-8. */
export interface Line {
  readonly number: number;
  readonly text: string | undefined;
}

/** Where a line of a file begins. */
export interface Place {
  /** Counted from 1. */
  readonly line: number;
  /** Bytes before it. */
  readonly offset: number;
}

/** A line with the bytes before it. */
export interface PlacedLine extends Line {
  readonly offset: number;
}

/** A part of a file: from a line on, up to so many bytes from the beginning of the file. */
export interface Part {
  readonly from: Place;
  readonly size: number;
}

/** The longest line that is read, in bytes; a longer one is taken apart and found damaged. */
const maxLineBytes = 8 * 1024 * 1024;
const newline = 0x0a;
const byteOrderMark = '\uFEFF';

/** The lines of a file or of a part of it, in batches as they are read. A file that cannot be read: CONFIG_INVALID. */
export async function* linesOf(path: string, signal?: AbortSignal, part?: Part): AsyncGenerator<readonly PlacedLine[]> {
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes before `rest`. */
  let before = part?.from.offset ?? 0;
  let number = (part?.from.line ?? 1) - 1;
  if (part !== undefined && part.size <= before) return;
  const range = part === undefined ? {} : { start: before, end: part.size - 1 };
  const line = (bytes: Buffer, offset: number): PlacedLine => {
    number += 1;
    if (!isUtf8(bytes)) return { number, offset, text: undefined };
    const text = bytes.toString('utf8');
    const end = text.endsWith('\r') ? -1 : undefined;
    return { number, offset, text: text.slice(number === 1 && text.startsWith(byteOrderMark) ? 1 : 0, end) };
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, ...range, ...(signal ? { signal } : {}) })) {
      const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      const lines: PlacedLine[] = [];
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        lines.push(line(bytes.subarray(start, end), before + start));
        start = end + 1;
      }
      rest = bytes.subarray(start);
      before += start;
      if (rest.length > maxLineBytes) {
        lines.push(line(rest, before));
        before += rest.length;
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
  if (rest.length > 0) yield [line(rest, before)];
}
