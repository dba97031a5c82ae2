import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compileSource } from './source-schema.ts';

const doc = readFileSync(join(import.meta.dirname, '..', 'docs', 'files.md'), 'utf8');
const examples = [...doc.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => parse(text) as object);
const rule = { event: 'Counted', identifiers: { product: 'record.sku' } };
const source = (files: object, more: object = {}) =>
  compileSource({ source: 's', description: 'd', owner: 'o', files: { folder: 'in', ...files }, transform: [rule], ...more }, {});

describe('a source of files in a folder', () => {
  it('is as the document shows it', () => {
    const [nightly, hourly] = examples.map((yaml) => compileSource(yaml, { DROP_FOLDER: '/srv/drop' }));
    expect(nightly).toMatchObject({
      input: { kind: 'files', files: { folder: '/srv/drop/stock', pattern: 'stock-*.csv', endsBatch: true, settleMs: 10_000 } },
      mode: 'live',
      liveness: { kind: 'batch', ends: { kind: 'marker' }, vouched: false },
      cadence: { kind: 'nightly' },
    });
    expect(hourly).toMatchObject({ input: { files: { format: null, folder: 'orders', endsBatch: false } } });
    expect(examples).toHaveLength(2);
  });

  it.each([
    [{}, {}, ['files'], '"as_of" is missing'],
    [{ as_of: 'record.' }, {}, ['files', 'as_of'], 'not a valid CEL expression'],
    [{ as_of: 'row.at' }, {}, ['files', 'as_of'], 'row'],
    [{ as_of: 'file.modified', settle: 'soon' }, {}, ['files', 'settle'], 'A duration'],
    [{ as_of: 'file.modified', format: 'xlsx' }, {}, ['files', 'format'], 'csv'],
    [{ as_of: 'file.modified', format: 'ndjson', columns: ['a'] }, {}, ['files', 'columns'], 'only of csv'],
    [{ as_of: 'file.modified', folder: '${NOWHERE}/in' }, {}, ['files', 'folder'], 'NOWHERE is not set'],
    [{ as_of: 'file.modified' }, { liveness: 'heartbeat' }, ['liveness'], 'expected batch, or none'],
    [{ as_of: 'file.modified' }, { topic: {} }, ['files'], 'found topic and files'],
  ])('is refused with the place and what was expected: %j %j', (files, more, path, message) => {
    expect(() => source(files, more)).toThrow(expect.objectContaining({ path, message: expect.stringContaining(message) }));
  });
});
