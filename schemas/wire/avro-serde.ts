import type avsc from 'avsc';
import { FreshetError } from '../../runtime/errors.ts';
import type { Serde } from '../../runtime/topic.ts';
import { compileAvro } from './avro-types.ts';
import type { AvroRecord } from '../avro.ts';
import { prefixLength, writerId } from './writers.ts';
import type { Writers } from './writers.ts';

/** A serde that can encode once it knows the id under which its schema is registered. */
export interface AvroSerde<V> extends Required<Serde<V>> {
  registered(id: number): void;
}

interface Resolved {
  /** Undefined: written by the reader's own schema. */
  readonly resolver: avsc.Resolver | undefined;
}

const firstScratch = 16 * 1024;
const maxScratch = 1024 * 1024;

/** Values of one Avro record type in Confluent's wire format. Reads what any compatible schema wrote. */
export function avroSerde<V>(schema: AvroRecord, writers: Writers): AvroSerde<V> {
  const type = compileAvro(schema);
  const resolved = new Map<number, Resolved | FreshetError>();
  let ownId = 0;
  let scratch = Buffer.allocUnsafe(firstScratch);

  function resolve(id: number): Resolved | FreshetError | undefined {
    const known = resolved.get(id);
    if (known !== undefined) return known;
    const writer = writers.get(id);
    if (writer === undefined) return undefined;
    const found = writer.kind === 'avro' ? resolverOf(type, id, writer.schema) : failed(`schema ${id} is not Avro`);
    resolved.set(id, found);
    return found;
  }

  return {
    registered(id) {
      ownId = id;
      resolved.set(id, { resolver: undefined });
    },

    encode(value) {
      if (ownId === 0) throw new FreshetError('ENCODE_FAILED', `${schema.name} is not registered yet`);
      let end = encodeInto(type, value, scratch);
      if (end < 0) {
        scratch = Buffer.allocUnsafe(2 * (scratch.length - end));
        end = encodeInto(type, value, scratch);
      }
      const bytes = Buffer.allocUnsafe(end);
      scratch.copy(bytes, prefixLength, prefixLength, end);
      bytes[0] = 0;
      bytes.writeInt32BE(ownId, 1);
      if (scratch.length > maxScratch) scratch = Buffer.allocUnsafe(firstScratch);
      return bytes;
    },

    decode(bytes) {
      const id = writerId(bytes);
      if (id === undefined) throw failed(`${schema.name}: no Confluent prefix (a zero byte and a schema id)`);
      const found = resolve(id);
      if (found === undefined) throw failed(`${schema.name}: the registry has no schema ${id}`);
      if (found instanceof FreshetError) throw found;
      return read(type, bytes, found.resolver) as V;
    },

    prepare: (bytes) => {
      const id = writerId(bytes);
      return id === undefined || resolved.has(id) ? undefined : writers.prepare(bytes);
    },
  };
}

/** Decodes what follows the prefix; DECODE_FAILED when the bytes are not exactly one value. */
export function read(type: avsc.Type, bytes: Buffer, resolver?: avsc.Resolver): unknown {
  try {
    const found: { value: unknown; offset: number } = type.decode(bytes, prefixLength, resolver);
    const { value, offset } = found;
    if (offset === bytes.length) return value;
    throw new Error(offset < 0 ? 'truncated' : `${bytes.length - offset} bytes too many`);
  } catch (error) {
    // avsc meets a type that is not there, or a nesting without end, only by chance.
    const known = error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError);
    throw failed(`${type.name ?? type.typeName}: ${known ? error.message : 'not such a value'}`);
  }
}

function resolverOf(type: avsc.Type, id: number, schema: string): Resolved | FreshetError {
  try {
    const writer = compileAvro(JSON.parse(schema));
    return { resolver: writer.equals(type) ? undefined : type.createResolver(writer) };
  } catch (error) {
    return failed(
      `${type.name ?? ''}: schema ${id} cannot be read as it: ${error instanceof Error ? error.message : 'not valid'}`,
    );
  }
}

/** Answers the end, or minus the number of bytes missing. Errors name the place, never the value. */
function encodeInto(type: avsc.Type, value: unknown, target: Buffer): number {
  try {
    return type.encode(value, target, prefixLength);
  } catch {
    const wrong: string[] = [];
    const errorHook = (path: string[], _: unknown, at: avsc.Type) => void wrong.push(`${path.join('.')} is not ${expected(at)}`);
    if (typeof value === 'object' && value !== null) type.isValid(value, { errorHook });
    throw new FreshetError('ENCODE_FAILED', `${type.name ?? ''}: ${wrong.slice(0, 3).join(', ') || 'not such a record'}`);
  }
}

function expected(type: avsc.Type): string {
  if ('types' in type) return (type.types as avsc.Type[]).map(expected).join(' or ');
  return type.name ?? type.typeName;
}

function failed(reason: string): FreshetError {
  return new FreshetError('DECODE_FAILED', reason);
}
