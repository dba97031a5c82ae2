import { parse } from 'csv-parse/sync';
import { FreshetError } from '../../../runtime/errors.ts';
import type { Line } from './lines.ts';
import type { FileRow, RowReader } from './rows.ts';

/** A quoted text may run over this many lines; a quote that is open for longer is a damaged line, not a text. */
const maxLinesOfRow = 100;

/**
 * Reads CSV (RFC 4180) with a header line, one row for each line or, where a quoted text holds line ends, for several. A line that is
 * damaged costs that line only: a quote left open does not swallow what follows. A header that is damaged or names a column twice: CONFIG_INVALID,
 * which names the file. Where the columns are known, it goes on behind the header.
 */
export function csvRows(delimiter: string, file: string, known?: readonly string[]): RowReader {
  let columns = known;
  let open: Line[] = [];
  const unusable = (reason: string): FreshetError =>
    new FreshetError('CONFIG_INVALID', `${file}: the header line cannot be used: ${reason}`);

  function* take(line: Line): Generator<FileRow> {
    if (line.text === undefined) {
      if (columns === undefined) throw unusable('not UTF-8');
      yield* giveUp();
      yield { line: line.number, damage: 'not UTF-8' };
      return;
    }
    if (open.length === 0 && !hasOpenQuote(line.text)) {
      if (line.text.trim() !== '') yield rowOf(line.number, line.text);
      return;
    }
    open.push(line);
    const text = open.map((each) => each.text).join('\n');
    if (hasOpenQuote(text)) {
      if (open.length >= maxLinesOfRow) yield* giveUp();
      return;
    }
    const first = open[0] ?? line;
    const row = rowOf(first.number, text);
    if ('damage' in row) {
      yield* giveUp();
      return;
    }
    open = [];
    yield row;
  }

  /** The first open line is damaged; those after it are read again without it. */
  function* giveUp(): Generator<FileRow> {
    const [first, ...others] = open;
    open = [];
    if (first === undefined) return;
    if (columns === undefined) throw unusable('a quote is not closed');
    yield { line: first.number, damage: 'a quote is not closed' };
    for (const line of others) yield* take(line);
  }

  function rowOf(line: number, text: string): FileRow {
    const cells = split(text, delimiter);
    if (typeof cells === 'string' && columns === undefined) throw unusable(cells);
    if (typeof cells === 'string') return { line, damage: cells };
    if (columns === undefined) {
      const found = cells.map((cell) => cell.trim());
      const bad = found.find((column, index) => column === '' || column === '__proto__' || found.indexOf(column) !== index);
      if (bad !== undefined) throw unusable(`an unusable or repeated column "${bad}"`);
      columns = found;
      return { line, columns };
    }
    if (cells.length !== columns.length) return { line, damage: `expected ${columns.length} columns, found ${cells.length}` };
    const record: Record<string, string> = {};
    columns.forEach((column, index) => (record[column] = cells[index] ?? ''));
    return { line, record };
  }

  return {
    *read(lines) {
      for (const line of lines) yield* take(line);
    },
    *end() {
      while (open.length > 0) yield* giveUp();
    },
  };
}

function hasOpenQuote(text: string): boolean {
  let open = false;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) open = !open;
  return open;
}

/** The cells, or what is wrong. */
function split(text: string, delimiter: string): readonly string[] | string {
  if (!text.includes('"')) return text.split(delimiter);
  try {
    const rows = parse(text, { delimiter, relax_column_count: true });
    return rows.length === 1 ? (rows[0] ?? []) : 'more than one row';
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    return `not valid CSV${typeof code === 'string' ? ` (${code.replace('CSV_', '').toLowerCase().replaceAll('_', ' ')})` : ''}`;
  }
}
