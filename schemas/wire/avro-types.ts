import { isUtf8 } from 'node:buffer';
import avsc from 'avsc';

/**
 * avsc trusts its input: a damaged count makes it loop for hours, a damaged length spoils its buffer pool. These types read
 * the same bytes with every length checked, and never take longer than the bytes are long. So do they keep longs between
 * 2^52 and 2^53, which avsc rounds.
 */
export interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  writeLong(value: number): void;
}

/** What avsc calls on a type, or on the resolver that stands for one. */
export interface Reading {
  _read(tap: Tap): unknown;
  _skip(tap: Tap): void;
}

type Hook = (schema: unknown, options: unknown) => avsc.Type | undefined;

/** Beyond it the arithmetic of avsc is no longer exact. */
const maxExact = 2 ** 52;

/** A varint of at most ten bytes; exact below 2^52. */
export function readLong(tap: Tap): number {
  const start = tap.pos;
  const value = tap.readLong();
  if (tap.pos > tap.buf.length) throw new Error('truncated');
  if (tap.pos - start > 10) throw new Error('number too long');
  return value;
}

/** Passes a length-prefixed value: it ends where the tap then stands, and starts at the answer. */
export function passSpan(tap: Tap): number {
  const length = readLong(tap);
  const start = tap.pos;
  if (length < 0 || length > tap.buf.length - start) throw new Error('length beyond the end');
  tap.pos = start + length;
  return start;
}

/** A long in full, as 64 bits can hold it. */
export function readWhole(tap: Tap): number | bigint {
  const start = tap.pos;
  const value = readLong(tap);
  if (Math.abs(value) < maxExact) return value;
  let zigzag = 0n;
  for (let at = tap.pos - 1; at >= start; at -= 1) zigzag = (zigzag << 7n) | BigInt((tap.buf[at] ?? 0) & 0x7f);
  zigzag = BigInt.asUintN(64, zigzag);
  return (zigzag >> 1n) ^ -(zigzag & 1n);
}

function writeWhole(tap: Tap, value: number): void {
  let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  for (; zigzag > 0x7fn; zigzag >>= 7n) tap.buf[tap.pos++] = Number(zigzag & 0x7fn) | 0x80;
  tap.buf[tap.pos++] = Number(zigzag);
}

function blockSize(tap: Tap): number {
  let items = readLong(tap);
  if (items < 0) {
    items = -items;
    readLong(tap);
  }
  if (items > tap.buf.length - tap.pos) throw new Error('more items than bytes');
  return items;
}

function eachItem(tap: Tap, item: () => void): void {
  for (let left = blockSize(tap); left > 0; left = blockSize(tap)) {
    for (; left > 0; left -= 1) {
      const start = tap.pos;
      item();
      if (tap.pos > tap.buf.length) throw new Error('truncated');
      if (tap.pos === start) throw new Error('items without bytes');
    }
  }
}

export function readString(tap: Tap): string {
  const start = passSpan(tap);
  const text = tap.buf.toString('utf8', start, tap.pos);
  if (text.includes('\ufffd') && !isUtf8(tap.buf.subarray(start, tap.pos))) throw new Error('invalid UTF-8');
  return text;
}

class StrictInt extends avsc.types.IntType {
  _read(tap: Tap): number {
    const value = readLong(tap);
    if (value !== (value | 0)) throw new Error('int out of range');
    return value;
  }
}

class StrictLong extends avsc.types.LongType {
  _read(tap: Tap): number {
    const value = Number(readWhole(tap));
    if (!Number.isSafeInteger(value)) throw new Error('long beyond 2^53');
    return value;
  }
  _write(tap: Tap, value: unknown): void {
    if (!Number.isSafeInteger(value)) throw new Error('not a long');
    if (Math.abs(value as number) < maxExact) tap.writeLong(value as number);
    else writeWhole(tap, value as number);
  }
}

class StrictString extends avsc.types.StringType {
  _read(tap: Tap): string {
    return readString(tap);
  }
  _skip(tap: Tap): void {
    passSpan(tap);
  }
}

class StrictBytes extends avsc.types.BytesType {
  _read(tap: Tap): Buffer {
    const start = passSpan(tap);
    return Buffer.from(tap.buf.subarray(start, tap.pos));
  }
  _skip(tap: Tap): void {
    passSpan(tap);
  }
}

class StrictArray extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Reading;
    const values: unknown[] = [];
    eachItem(tap, () => values.push(items._read(tap)));
    return values;
  }
  _skip(tap: Tap): void {
    const items = this.itemsType as unknown as Reading;
    eachItem(tap, () => items._skip(tap));
  }
}

class StrictMap extends avsc.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const type = this.valuesType as Reading;
    const values = Object.create(null) as Record<string, unknown>;
    eachItem(tap, () => {
      const key = readString(tap);
      values[key] = type._read(tap);
    });
    return values;
  }
  _skip(tap: Tap): void {
    const type = this.valuesType as Reading;
    eachItem(tap, () => {
      passSpan(tap);
      type._skip(tap);
    });
  }
}

const int = new StrictInt();
const long = new StrictLong();
const string = new StrictString();
const bytes = new StrictBytes();

function strict(schema: unknown, options: unknown): avsc.Type | undefined {
  switch (typeName(schema)) {
    case 'int':
      return int;
    case 'long':
      return long;
    case 'string':
      return string;
    case 'bytes':
      return bytes;
    case 'array':
      return new StrictArray(schema as avsc.Schema, options);
    case 'map':
      return new StrictMap(schema as avsc.Schema, options);
    default:
      return undefined;
  }
}

function typeName(schema: unknown): unknown {
  return typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : schema;
}

/**
 * The avsc type of a schema. Its records are plain objects, its maps have no prototype, logical types are their underlying
 * type, bytes are copies. `hook` may give types of its own, asked before those above. Throws Error on a schema that is not valid.
 */
export function compileAvro(schema: unknown, hook?: Hook): avsc.Type {
  const registry = Object.create(null) as Record<string, avsc.Type>;
  const typeHook: Hook = (schema, options) => hook?.(schema, options) ?? strict(schema, options);
  const type = avsc.Type.forSchema(schema as avsc.Schema, { registry, omitRecordMethods: true, typeHook });
  for (const named of Object.values(registry)) {
    if (!(named instanceof avsc.types.RecordType)) continue;
    if (named.fields.some((field) => field.name === '__proto__')) throw new Error('a field named __proto__');
    const constructor = named.recordConstructor as { prototype: object };
    constructor.prototype = Object.prototype;
  }
  return type;
}
