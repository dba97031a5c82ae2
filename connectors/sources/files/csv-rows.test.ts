import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { csvRows } from './csv-rows.ts';
import type { FileRow } from './rows.ts';

const read = (text: string, delimiter = ','): FileRow[] => {
  const reader = csvRows(delimiter, 'a.csv');
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, text: line }));
  return [...reader.read(lines), ...reader.end()];
};
const records = (rows: readonly FileRow[]): unknown[] => rows.flatMap((row) => ('record' in row ? [row.record] : []));
const damaged = (rows: readonly FileRow[]): number[] => rows.flatMap((row) => ('damage' in row ? [row.line] : []));

const cell = fc.string({ unit: fc.constantFrom('a', 'ö', ',', ';', '"', ' ', '\n', '0') });
const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
const table = fc.array(fc.tuple(cell, cell), { maxLength: 8 });
const lineOf = ([a, b]: [string, string]): string => `${quoted(a)},${quoted(b)}`;

describe('csvRows', () => {
  it('reads back every table that is written with quotes', () => {
    fc.assert(
      fc.property(table, (cells) => {
        const rows = read(['a,b', ...cells.map(lineOf)].join('\n'));
        expect(damaged(rows)).toEqual([]);
        expect(records(rows)).toEqual(cells.map(([a, b]) => ({ a, b })));
      }),
    );
  });

  it('takes other delimiters and trims the names of columns', () => {
    expect(records(read('a ;b\n1,5;2', ';'))).toEqual([{ a: '1,5', b: '2' }]);
    expect(records(read('a\tb\n1\t', '\t'))).toEqual([{ a: '1', b: '' }]);
  });

  it('loses no whole row to a damaged one, wherever it stands', () => {
    const whole = fc.array(fc.tuple(fc.constantFrom('a', 'b c', ''), fc.constantFrom('d', 'e"f')), { maxLength: 8 });
    const damage = fc.constantFrom('x', 'x,y,z', '"x,y', 'x,"y', '"x"y,z');
    fc.assert(
      fc.property(whole, whole, damage, (before, after, broken) => {
        const rows = read(['a,b', ...before.map(lineOf), broken, ...after.map(lineOf)].join('\n'));
        expect(damaged(rows)).toEqual([before.length + 2]);
        expect(records(rows)).toEqual([...before, ...after].map(([a, b]) => ({ a, b })));
      }),
    );
  });

  it('gives up a quote that is open for a hundred lines', () => {
    const rows = read(['a,b', 'x,"y', ...Array.from({ length: 150 }, (_, index) => `${index},z`)].join('\n'));
    expect(damaged(rows)).toEqual([2]);
    expect(records(rows)).toHaveLength(150);
  });
});
