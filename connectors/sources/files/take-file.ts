import { join } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';
import type { TransactionalProducer } from '../../../runtime/kafka/contract.ts';
import { compileCel } from '../../../schemas/cel.ts';
import { instantForm, instantParser } from '../../../schemas/instant.ts';
import { formatOf, isSame, seenAs } from './inbox.ts';
import type { IntakeOptions } from './intake-options.ts';
import {
  fileId,
  finishedRecord,
  type Finished,
  type IntakeState,
  type KnownFile,
  underWayRecord,
  type UnderWay,
} from './intake-state.ts';
import type { Place } from './lines.ts';
import { Page } from './page.ts';
import { type PlacedRow, placedRows } from './placed-rows.ts';
import type { RowRecord } from './rows.ts';

/** `stopped`: the signal came first, or the file is no longer what it was; what was committed stands. `broken`: nothing of it can be used, and nothing was taken. */
export type Taken =
  | { readonly kind: 'done'; readonly file: Finished }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'stopped' };

/** So many finished files of a source are known again; what is put there again after that counts once as long as its message ids are known. */
const MOST_REMEMBERED = 10_000;
const first: Place = { line: 1, offset: 0 };

/**
 * Reads a file from where it was left: its rows and how far it has been read are one Kafka transaction each, and the last one says that
 * it is finished. Wherever it is interrupted, whoever goes on finds each row taken in once. `state` follows what is committed.
 * Rejects with what the producer rejects with, and with CONFIG_INVALID where the file cannot be read now.
 */
export async function takeFile(
  options: IntakeOptions,
  producer: TransactionalProducer,
  state: IntakeState,
  file: KnownFile,
): Promise<Taken> {
  const { source, files, folder, metrics, signal, tick } = options;
  const { name, size } = file;
  const asOfOf = asOfReader(options, file);
  const before = state.underWay;
  let { next, columns, rows, rejected, asOf }: UnderWay = before ?? {
    ...file,
    next: first,
    columns: null,
    rows: 0,
    rejected: 0,
    asOf: null,
  };
  const newPage = (): Page => new Page({ ...options, source: source.name, file, maxRows: options.pageRows ?? 1000 });
  let page = newPage();

  const take = (row: PlacedRow): void => {
    const { line } = row.at;
    if ('damage' in row) return page.reject(line, row.damage, row.text === undefined ? null : Buffer.from(row.text));
    const of = asOfOf(row.record);
    if (typeof of === 'string') return page.reject(line, of, Buffer.from(JSON.stringify(row.record)));
    if (of !== null) asOf = Math.max(asOf ?? of, of);
    page.take(line, row.record, of);
  };
  const commit = async (own: ReturnType<typeof underWayRecord>[]): Promise<void> => {
    await producer.transact(page.batches(own));
    metrics.rows(source.name, 'taken', page.taken);
    metrics.rows(source.name, 'rejected', page.rejected);
    page = newPage();
  };
  const count = (): void => {
    rows += page.taken + page.rejected;
    rejected += page.rejected;
  };

  const format = formatOf(name, files) ?? 'ndjson';
  const reading = {
    name,
    format,
    delimiter: files.delimiter,
    expected: files.columns,
    columns,
    part: { from: next, size },
    signal,
  };
  for await (const batch of placedRows(join(folder, name), reading)) {
    if (batch.kind === 'broken') return batch;
    columns = batch.columns;
    for (const row of batch.rows) {
      if (signal.aborted) return { kind: 'stopped' };
      if (page.isFull) {
        count();
        next = row.at;
        const underWay: UnderWay = { ...file, next, columns, rows, rejected, asOf };
        await commit([underWayRecord(source.name, underWay)]);
        state.underWay = underWay;
        metrics.read(source.name, next.offset / size);
      }
      take(row);
    }
  }
  // Of a file that has changed nobody knows what was read of it: its end is told by whoever finds it as it was, or not at all.
  const now = await seenAs(folder, name);
  if (signal.aborted || now === undefined || !isSame(now, file)) return { kind: 'stopped' };

  count();
  if (files.endsBatch) {
    // A file without rows says nothing new as of when it was made, if that is what it goes by.
    const of = asOf ?? asOfOf({});
    if (typeof of === 'number') page.end(of);
  }
  const finished: Finished = { ...file, rows, rejected, at: tick() };
  const id = fileId(source.name, file);
  const forgotten = [...state.finished.keys()].slice(0, Math.max(0, state.finished.size + 1 - MOST_REMEMBERED));
  await commit([
    finishedRecord(source.name, id, finished),
    ...forgotten.map((old) => finishedRecord(source.name, old, null)),
    underWayRecord(source.name, null),
  ]);
  for (const old of forgotten) state.finished.delete(old);
  state.finished.set(id, finished);
  state.underWay = undefined;
  metrics.read(source.name, 1);
  return { kind: 'done', file: finished };
}

/** As of when a row holds, null where that is for the rules of the source to say; or why it cannot be told. */
function asOfReader(
  { files, source }: Pick<IntakeOptions, 'files' | 'source'>,
  { name, modified }: KnownFile,
): (record: RowRecord) => number | string | null {
  const { asOf } = files;
  if (asOf === null) return () => null;
  const { timezone } = source;
  const evaluate = compileCel(asOf, { variables: ['record', 'file'], path: ['files', 'as_of'], timezone });
  const parse = instantParser(timezone);
  const file = { name, modified: new Date(modified) };
  return (record) => {
    try {
      return parse(evaluate({ record, file })) ?? `as_of: expected ${instantForm}`;
    } catch (error) {
      if (error instanceof FreshetError) return `as_of: ${error.message}`;
      throw error;
    }
  };
}
