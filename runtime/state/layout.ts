import { Packr } from 'msgpackr';
import type { Due, Hold, Marks } from '../processor.ts';

/**
 * How the state of a task lies in its store and in its changelog.
 *
 *   store      d <key> \0 <part>                     part: value and marks
 *              t <clock> \0 <at> <key> \0 <part>      hint that a part is due; the truth is in the part
 *              h <source> \0 <at> <key> \0 <part>     hint that a part holds a claim
 *              m <name>                              checkpoint and format, never in the changelog
 *   changelog  <key> \0 <part>                       the same bytes as the part, or a tombstone
 *              \0position                            inputs read, watermarks adopted
 */
export const FORMAT = 1;

/** The id of a part: `<key>\0<part>`, which is also its changelog key. */
export function partId(key: string, part: string): string {
  return `${key}\0${part}`;
}

export function splitId(id: string): { key: string; part: string } {
  const at = id.indexOf('\0');
  return { key: id.slice(0, at), part: id.slice(at + 1) };
}

export const POSITION_ID = '\0position';

export interface Cell {
  readonly value: unknown;
  readonly due: readonly Due[];
  readonly hold: Hold | undefined;
}

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: false, int64AsType: 'number', moreTypes: false });

/** The packer's option for bytes left free at the start, with their number added. */
const RESERVE_START = 2048;

export function encodeCell(cell: Cell): Buffer {
  const marked = cell.due.length > 0 || cell.hold !== undefined;
  const body = marked
    ? [cell.value, cell.due.map(({ clock, at }) => [clock, at]), cell.hold ? [cell.hold.source, cell.hold.at] : null]
    : cell.value;
  const bytes = packr.pack(body, RESERVE_START + 1);
  bytes[0] = marked ? 1 : 0;
  return bytes;
}

export function hasMarks(bytes: Buffer): boolean {
  return bytes[0] === 1;
}

export function decodeCell(bytes: Buffer): Cell {
  const body: unknown = packr.unpack(bytes.subarray(1));
  if (!hasMarks(bytes)) return { value: body, due: noDue, hold: undefined };
  const [value, due, hold] = body as [unknown, [string, number][], [string, number] | null];
  return {
    value,
    due: due.map(([clock, at]) => ({ clock, at })),
    hold: hold ? { source: hold[0], at: hold[1] } : undefined,
  };
}

export function cellOf(value: unknown, marks: Marks | undefined): Cell {
  return { value, due: marks?.due ?? noDue, hold: marks?.hold };
}

const noDue: readonly Due[] = [];

export function dataKey(id: string): Buffer {
  return Buffer.from(`d${id}`, 'utf8');
}

/** The key in the changelog of what lies under this key in the store; a view of it. */
export function changelogKey(key: Buffer): Buffer {
  return key.subarray(1);
}

export function metaKey(name: string): Buffer {
  return Buffer.from(`m${name}`, 'utf8');
}

/** Eight bytes that sort as the numbers do, infinities included. */
export function sortable(at: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(at, 0);
  const negative = (bytes[0] ?? 0) & 0x80;
  if (negative) for (let i = 0; i < 8; i++) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  else bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
}

function unsortable(bytes: Buffer): number {
  const copy = Buffer.from(bytes);
  if ((copy[0] ?? 0) & 0x80) copy[0] = (copy[0] ?? 0) & 0x7f;
  else for (let i = 0; i < 8; i++) copy[i] = ~(copy[i] ?? 0) & 0xff;
  return copy.readDoubleBE(0);
}

/** A hint: `t` for timers (name = clock), `h` for holds (name = source). */
export type HintKind = 't' | 'h';

export function hintPrefix(kind: HintKind, name: string): Buffer {
  return Buffer.from(`${kind}${name}\0`, 'utf8');
}

export function hintKey(kind: HintKind, name: string, at: number, id: string): Buffer {
  return Buffer.concat([hintPrefix(kind, name), sortable(at), Buffer.from(id, 'utf8')]);
}

export function readHint(key: Buffer): { name: string; at: number; id: string } {
  const end = key.indexOf(0);
  return {
    name: key.toString('utf8', 1, end),
    at: unsortable(key.subarray(end + 1, end + 9)),
    id: key.toString('utf8', end + 9),
  };
}

/** The first key after all keys with this prefix; prefixes here never end in 0xff. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}

export const empty = Buffer.alloc(0);
