import avsc from 'avsc';
import { compileAvro, passSpan, readLong, readWhole } from './avro-types.ts';
import type { Reading, Tap } from './avro-types.ts';

/** Foreign Avro read as JSON: bytes and fixed as base64, unions as their branch, logical types as their number, a long beyond 2^53 as digits. */
export function compileForeign(schema: string): avsc.Type {
  // Defaults are of no use to a writer's schema, and a wrong one must not make its records unreadable.
  const withoutDefaults: unknown = JSON.parse(schema, (key, value: unknown) => (key === 'default' ? undefined : value));
  return compileAvro(withoutDefaults, asJson);
}

class JsonUnion extends avsc.types.WrappedUnionType {
  _read(tap: Tap): unknown {
    const branch = this.types[readLong(tap)] as unknown as Reading | undefined;
    if (branch === undefined) throw new Error('no such branch of a union');
    return branch._read(tap);
  }
}

class JsonLong extends avsc.types.LongType {
  _read(tap: Tap): number | string {
    const value = readWhole(tap);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  }
}

class JsonBytes extends avsc.types.BytesType {
  _read(tap: Tap): string {
    const start = passSpan(tap);
    return tap.buf.toString('base64', start, tap.pos);
  }
}

class JsonFixed extends avsc.types.FixedType {
  _read(tap: Tap): string {
    const start = tap.pos;
    tap.pos += this.size;
    if (tap.pos > tap.buf.length) throw new Error('truncated');
    return tap.buf.toString('base64', start, tap.pos);
  }
}

const long = new JsonLong();
const bytes = new JsonBytes();

function asJson(schema: unknown, options: unknown): avsc.Type | undefined {
  if (Array.isArray(schema)) return new JsonUnion(schema as avsc.Schema, options);
  switch (typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : schema) {
    case 'long':
      return long;
    case 'bytes':
      return bytes;
    case 'fixed':
      return new JsonFixed(schema as avsc.Schema, options);
    default:
      return undefined;
  }
}
