import { basename } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';
import { compileCel } from '../../../schemas/cel.ts';
import type { FileFormat } from '../../../schemas/config.ts';
import { instantForm, instantParser } from '../../../schemas/instant.ts';
import { hashId } from '../../../schemas/keys.ts';
import { rowsOf, type RowRecord } from './rows.ts';

/** A record as it goes to the raw topic: one row, or the rows of a group as `{key, rows}`. */
export interface Frame {
  /** Event time, epoch milliseconds. */
  readonly time: number;
  /** The same whenever and from whichever file the group is read: by it a second run is recognised. Of a row without a group, by file and line. */
  readonly messageId: string;
  /** Key of the record: opaque, the same for the same group. */
  readonly key: string;
  readonly value: { readonly key: string; readonly rows: readonly RowRecord[] } | RowRecord;
  readonly rows: number;
  /** Of its first row. */
  readonly line: number;
}

/** A row or a group that cannot be used; the reason holds nothing of its data. */
export interface Damage {
  readonly file: string;
  readonly line: number;
  readonly rows: number;
  readonly reason: string;
}

/** What has been read since the last frames. */
export interface Framed {
  /** In the order of event time among all of the file that was held in memory. */
  readonly frames: readonly Frame[];
  readonly damages: readonly Damage[];
  /** Rows read, damaged and repeated ones included. */
  readonly rows: number;
  /** Rows dropped since they equal an earlier one of their group. */
  readonly duplicates: number;
}

export interface FramingOptions {
  readonly source: string;
  readonly file: FileFormat;
  readonly timezone: string;
  readonly signal?: AbortSignal;
  /**
   * Rows held in memory to bring groups together and into order. Files with fewer rows are taken whole; of larger ones
   * the groups not added to for longest are closed first, and rows that come for a closed group are damages. Default 200,000.
   */
  readonly maxHeldRows?: number;
}

interface Group {
  readonly key: string;
  readonly line: number;
  readonly rows: RowRecord[];
  readonly seen: Set<string> | undefined;
}

const maxClosedKeys = 1_000_000;

/** Reads a file of a source into frames. CONFIG_INVALID when the file cannot be read. */
export async function* framesOf(path: string, options: FramingOptions): AsyncGenerator<Framed> {
  const { source, file: format, timezone, signal, maxHeldRows = 200_000 } = options;
  const { groupBy } = format;
  const file = basename(path);
  const evaluate = compileCel(format.time, { variables: ['record'], path: ['file', 'time'], timezone });
  const parse = instantParser(timezone);
  const groups = new Map<string, Group>();
  const closed = new Set<string>();
  let held = 0;
  let damages: Damage[] = [];
  let rows = 0;
  let duplicates = 0;

  function add(line: number, record: RowRecord): void {
    const value = groupBy === null ? String(line) : record[groupBy];
    const key = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    if (key === '') return void damages.push({ file, line, rows: 1, reason: `${groupBy} is empty` });
    if (closed.has(key)) return void damages.push({ file, line, rows: 1, reason: 'its group lies too many rows back' });
    const group = groups.get(key) ?? { key, line, rows: [], seen: format.dropDuplicateRows ? new Set<string>() : undefined };
    const text = group.seen === undefined ? '' : JSON.stringify(record);
    if (group.seen?.has(text) === true) {
      duplicates += 1;
      return;
    }
    group.seen?.add(text);
    group.rows.push(record);
    held += 1;
    // The map is kept in the order of the last addition.
    if (groups.delete(key)) groups.set(key, group);
    else groups.set(key, group);
  }

  /** Closes groups, the longest untouched first, until so many rows are left. */
  function close(left: number): Framed {
    const frames: Frame[] = [];
    for (const group of groups.values()) {
      if (held <= left) break;
      groups.delete(group.key);
      held -= group.rows.length;
      if (groupBy !== null && left > 0 && closed.size < maxClosedKeys) closed.add(group.key);
      const frame = frameOf(group);
      if ('reason' in frame) damages.push(frame);
      else frames.push(frame);
    }
    frames.sort((a, b) => a.time - b.time || a.line - b.line);
    const framed = { frames, damages, rows, duplicates };
    [damages, rows, duplicates] = [[], 0, 0];
    return framed;
  }

  function frameOf(group: Group): Frame | Damage {
    const { line } = group;
    const value = groupBy === null ? (group.rows[0] ?? {}) : { key: group.key, rows: group.rows };
    const damage = (reason: string): Damage => ({ file, line, rows: group.rows.length, reason });
    let time: number | undefined;
    try {
      time = parse(evaluate({ record: value }));
    } catch (error) {
      if (error instanceof FreshetError) return damage(`time: ${error.message}`);
      throw error;
    }
    if (time === undefined) return damage(`time: expected ${instantForm}`);
    const messageId = groupBy === null ? hashId(source, file, line) : hashId(source, group.key, time);
    const key = groupBy === null ? messageId : hashId(source, group.key);
    return { time, messageId, key, value, rows: group.rows.length, line };
  }

  for await (const batch of rowsOf(path, format, signal)) {
    rows += batch.length;
    for (const row of batch) {
      if ('damage' in row) damages.push({ file, line: row.line, rows: 1, reason: row.damage });
      else if ('record' in row) add(row.line, row.record);
    }
    if (held > maxHeldRows) yield close(Math.floor(maxHeldRows / 2));
  }
  if (signal?.aborted !== true) yield close(0);
}
