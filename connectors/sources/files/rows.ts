import { basename } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';
import type { FileFormat } from '../../../schemas/config.ts';
import { parseJson } from '../../../schemas/wire/json.ts';
import { csvRows } from './csv-rows.ts';
import { linesOf, type Line } from './lines.ts';

export type RowRecord = Readonly<Record<string, unknown>>;

/** What a line holds: a row, the names of the columns, or why it is of no use. */
export type FileRow =
  | { readonly line: number; readonly record: RowRecord }
  | { readonly line: number; readonly columns: readonly string[] }
  | { readonly line: number; readonly damage: string };

/** Turns the lines of one file into rows. */
export interface RowReader {
  read(lines: readonly Line[]): Iterable<FileRow>;
  /** What is left once all lines have been read. */
  end(): Iterable<FileRow>;
}

/** The rows of a file, in batches. CONFIG_INVALID when it cannot be read or lacks the column that groups its rows. */
export async function* rowsOf(path: string, format: FileFormat, signal?: AbortSignal): AsyncGenerator<readonly FileRow[]> {
  const reader = rowReader(format, basename(path));
  for await (const lines of linesOf(path, signal)) yield withoutHeader([...reader.read(lines)], path, format);
  yield withoutHeader([...reader.end()], path, format);
}

/** Reads lines of such a file; of csv, behind the header where its columns are known. */
export function rowReader(
  { format, delimiter }: Pick<FileFormat, 'format' | 'delimiter'>,
  file: string,
  columns?: readonly string[],
): RowReader {
  return format === 'csv' ? csvRows(delimiter, file, columns) : ndjsonRows();
}

function withoutHeader(rows: readonly FileRow[], path: string, { groupBy }: FileFormat): readonly FileRow[] {
  const header = rows.find((row) => 'columns' in row);
  if (header === undefined) return rows;
  if (groupBy !== null && !header.columns.includes(groupBy))
    throw new FreshetError('CONFIG_INVALID', `${basename(path)} has no column "${groupBy}"; it has ${header.columns.join(', ')}`);
  return rows.filter((row) => row !== header);
}

function ndjsonRows(): RowReader {
  const rowOf = ({ number: line, text }: Line): FileRow => {
    if (text === undefined) return { line, damage: 'not UTF-8' };
    const parsed = parseJson(Buffer.from(text));
    if (parsed.kind === 'refused') return { line, damage: parsed.reason };
    const { value } = parsed;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { line, damage: 'expected a JSON object' };
    return { line, record: value as RowRecord };
  };
  return {
    *read(lines) {
      for (const line of lines) if (line.text === undefined || line.text.trim() !== '') yield rowOf(line);
    },
    end: () => [],
  };
}
