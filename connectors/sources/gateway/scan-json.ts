/** A JSON value by its place in the bytes, `end` exclusive. Balanced, but not yet known to be valid inside. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  /** Deepest nesting: 0 for a scalar, 1 for a flat object. */
  readonly depth: number;
  /** Keys on all levels. */
  readonly keys: number;
}

/** The members of an object, and the elements of its member `batch` where that is an array. Of a repeated name the last counts. */
export interface Scan {
  readonly members: ReadonlyMap<string, Piece>;
  readonly batch: readonly Piece[] | undefined;
}

export interface ScanLimits {
  readonly members: number;
  readonly elements: number;
}

/** Why bytes are no object that could be split. */
export type ScanProblem = 'not-an-object' | 'malformed' | 'too-many-members' | 'too-many-elements';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Splits a body into its members and events in one pass, without building any of it: a hostile body of some megabytes
 * would keep JSON.parse busy for most of a second. Each piece is parsed by itself afterwards, and only if it is within the
 * limits, so that one broken event does not take the others with it. Linear in the bytes, constant in stack.
 */
export function scanObject(bytes: Buffer, limits: ScanLimits): Scan | ScanProblem {
  const members = new Map<string, Piece>();
  let batch: Piece[] | undefined;
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== openBrace) return 'not-an-object';
  at = skipSpace(bytes, at + 1);
  while (bytes[at] !== closeBrace) {
    if (members.size >= limits.members) return 'too-many-members';
    const name = nameAt(bytes, at);
    if (name === undefined) return 'malformed';
    at = skipSpace(bytes, name.end);
    if (bytes[at] !== colon) return 'malformed';
    at = skipSpace(bytes, at + 1);
    if (name.text === 'batch') batch = undefined;
    if (name.text === 'batch' && bytes[at] === openBracket) {
      const list = scanArray(bytes, at, limits.elements);
      if (typeof list === 'string') return list;
      batch = list.pieces;
      members.set(name.text, { start: at, end: list.end, depth: 1, keys: 0 });
      at = list.end;
    } else {
      const piece = scanValue(bytes, at);
      if (piece === undefined) return 'malformed';
      members.set(name.text, piece);
      at = piece.end;
    }
    const next = nextItem(bytes, at, closeBrace);
    if (next === undefined) return 'malformed';
    at = next;
  }
  return skipSpace(bytes, at + 1) === bytes.length ? { members, batch } : 'malformed';
}

function scanArray(bytes: Buffer, start: number, most: number): { pieces: Piece[]; end: number } | ScanProblem {
  const pieces: Piece[] = [];
  let at = skipSpace(bytes, start + 1);
  while (bytes[at] !== closeBracket) {
    if (pieces.length >= most) return 'too-many-elements';
    const piece = scanValue(bytes, at);
    if (piece === undefined) return 'malformed';
    pieces.push(piece);
    const next = nextItem(bytes, piece.end, closeBracket);
    if (next === undefined) return 'malformed';
    at = next;
  }
  return { pieces, end: at + 1 };
}

/** The value that begins at `start`: an object or array up to its closing bracket, a string, or a run of other characters. */
export function scanValue(bytes: Buffer, start: number): Piece | undefined {
  const first = bytes[start];
  if (first === quote) return scalar(start, endOfString(bytes, start));
  if (first !== openBrace && first !== openBracket) return scalar(start, endOfWord(bytes, start));
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  for (let at = start; at < bytes.length; at++) {
    switch (bytes[at]) {
      case quote:
        at = endOfString(bytes, at) - 1;
        if (at < start) return undefined;
        break;
      case openBrace:
      case openBracket:
        depth++;
        if (depth > deepest) deepest = depth;
        break;
      case colon:
        keys++;
        break;
      case closeBrace:
      case closeBracket:
        depth--;
        if (depth === 0) return { start, end: at + 1, depth: deepest, keys };
        break;
      default:
    }
  }
  return undefined;
}

function scalar(start: number, end: number): Piece | undefined {
  return end > start ? { start, end, depth: 0, keys: 0 } : undefined;
}

/** Behind the closing quote, or 0. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at++;
  }
  return 0;
}

function endOfWord(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && isWord(bytes[at])) at++;
  return at;
}

/** What numbers, true, false and null are made of. */
function isWord(byte = 0): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b ||
    byte === 0x45
  );
}

function nameAt(bytes: Buffer, start: number): { text: string; end: number } | undefined {
  const end = bytes[start] === quote ? endOfString(bytes, start) : 0;
  if (end === 0) return undefined;
  try {
    return { text: String(JSON.parse(bytes.toString('utf8', start, end))), end };
  } catch {
    return undefined;
  }
}

/** The start of the next item, or the place of `close`. Undefined where neither stands. */
function nextItem(bytes: Buffer, from: number, close: number): number | undefined {
  const at = skipSpace(bytes, from);
  if (bytes[at] === close) return at;
  if (bytes[at] !== comma) return undefined;
  const next = skipSpace(bytes, at + 1);
  return bytes[next] === close ? undefined : next;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at++;
  return at;
}
