import { FreshetError } from '../../../runtime/errors.ts';
import { linesOf, type Part, type Place, type PlacedLine } from './lines.ts';
import { type FileRow, rowReader, type RowRecord } from './rows.ts';

/** A row with where it begins: whoever begins there reads it and all that follow. `text`: its first line, where it is damaged. */
export type PlacedRow = { readonly at: Place } & (
  | { readonly record: RowRecord }
  | { readonly damage: string; readonly text: string | undefined }
);

/** What has been read next; `broken`: nothing of the file can be used, and why. */
export type RowBatch =
  | { readonly kind: 'rows'; readonly rows: readonly PlacedRow[]; readonly columns: readonly string[] | null }
  | { readonly kind: 'broken'; readonly reason: string };

export interface PlacedRowsOptions {
  readonly name: string;
  readonly format: 'csv' | 'ndjson';
  readonly delimiter: string;
  /** All columns that it should have; null: whatever it has. */
  readonly expected: readonly string[] | null;
  /** Of a csv file that is gone on with behind its header. */
  readonly columns: readonly string[] | null;
  readonly part: Part;
  readonly signal: AbortSignal;
}

/** A text in quotes may run over so many lines (see csvRows): the first of these has to be found again. */
const LINES_KEPT = 128;

/** The rows of a part of a file. Rejects with CONFIG_INVALID when the file cannot be read now. */
export async function* placedRows(path: string, options: PlacedRowsOptions): AsyncGenerator<RowBatch> {
  const { name, format, delimiter, expected, part, signal } = options;
  const reader = rowReader({ format, delimiter }, name, options.columns ?? undefined);
  const lines = new Map<number, PlacedLine>();
  let columns = options.columns;

  const placed = (row: FileRow): PlacedRow[] => {
    if ('columns' in row) {
      columns = row.columns;
      return [];
    }
    const line = lines.get(row.line);
    const at = { line: row.line, offset: line?.offset ?? 0 };
    return 'record' in row ? [{ at, record: row.record }] : [{ at, damage: row.damage, text: line?.text }];
  };
  const batchOf = (rows: () => Iterable<FileRow>): RowBatch => {
    const wasKnown = columns !== null;
    let found: PlacedRow[];
    try {
      found = [...rows()].flatMap(placed);
    } catch (error) {
      if (error instanceof FreshetError && error.code === 'CONFIG_INVALID') return { kind: 'broken', reason: error.message };
      throw error;
    }
    const wrong = wasKnown || columns === null ? undefined : unlike(columns, expected);
    if (wrong !== undefined) return { kind: 'broken', reason: `${name}:1: ${wrong}` };
    return { kind: 'rows', rows: found, columns };
  };

  for await (const batch of linesOf(path, signal, part)) {
    for (const line of batch) lines.set(line.number, line);
    yield batchOf(() => reader.read(batch));
    for (const number of lines.keys()) {
      if (lines.size <= LINES_KEPT) break;
      lines.delete(number);
    }
  }
  if (signal.aborted) return;
  yield batchOf(() => reader.end());
  if (format === 'csv' && columns === null) yield { kind: 'broken', reason: `${name}:1: expected a header line, found none` };
}

/** What is wrong with the columns. */
function unlike(columns: readonly string[], expected: readonly string[] | null): string | undefined {
  if (expected === null) return undefined;
  const unknown = columns.filter((column) => !expected.includes(column));
  const missing = expected.filter((column) => !columns.includes(column));
  if (unknown.length === 0 && missing.length === 0) return undefined;
  return `expected the columns ${expected.join(', ')}; found ${columns.join(', ')}`;
}
