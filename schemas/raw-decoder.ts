import type avsc from 'avsc';
import { systemClock } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Registry } from './registry/registry.ts';
import { compileForeign } from './wire/avro-json.ts';
import { read } from './wire/avro-serde.ts';
import { checkJson, parseJson } from './wire/json.ts';
import type { Json, Verdict } from './wire/json.ts';
import { createWriters, prefixLength, writerId } from './wire/writers.ts';

/** Reads what anybody writes to a raw topic: Avro or JSON Schema in Confluent's wire format, or plain JSON. */
export interface RawDecoder {
  /** A plain value within the limits of `parseJson`, or why not; never throws. Avro is read as JSON, see `compileForeign`. */
  decode(bytes: Buffer): Verdict<Json>;
  /** As `Serde.prepare`: to be awaited before `decode` when it answers a promise. */
  prepare(bytes: Buffer): Promise<void> | undefined;
}

export function createRawDecoder({ registry, clock = systemClock }: { registry: Registry; clock?: Clock }): RawDecoder {
  const writers = createWriters(registry, clock);
  const types = new Map<number, avsc.Type | string>();

  function typeOf(id: number, schema: string): avsc.Type | string {
    const known = types.get(id);
    if (known !== undefined) return known;
    const type = compiled(id, schema);
    types.set(id, type);
    return type;
  }

  return {
    prepare: (bytes) => writers.prepare(bytes),

    decode(bytes) {
      const id = writerId(bytes);
      if (id === undefined) return parseJson(bytes);
      const writer = writers.get(id);
      if (writer === undefined) return { kind: 'refused', reason: `the registry has no schema ${id}` };
      if (writer.kind === 'json') return parseJson(bytes.subarray(prefixLength));
      if (writer.kind === 'other') return { kind: 'refused', reason: `schema ${id} is neither Avro nor JSON` };
      const type = typeOf(id, writer.schema);
      if (typeof type === 'string') return { kind: 'refused', reason: type };
      try {
        return checkJson(read(type, bytes) as Json);
      } catch (error) {
        return { kind: 'refused', reason: error instanceof FreshetError ? error.message : 'not readable' };
      }
    },
  };
}

/** The type, or why the schema cannot be used. */
function compiled(id: number, schema: string): avsc.Type | string {
  try {
    return compileForeign(schema);
  } catch (error) {
    return `schema ${id} is not valid: ${error instanceof Error ? error.message : 'not readable'}`;
  }
}
