import type avsc from 'avsc';
import { systemClock } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Registry } from './registry/registry.ts';
import { compileForeign } from './wire/avro-json.ts';
import { read } from './wire/avro-serde.ts';
import { type RecordCheck, recordCheck } from './record-check.ts';
import { isJsonObject } from './segment-message.ts';
import { checkJson, parse, parseJson } from './wire/json.ts';
import type { Json, Verdict } from './wire/json.ts';
import { createWriters, prefixLength, writerId } from './wire/writers.ts';

/** A value, or why there is none. `unfit`: it can be read, but is not what the JSON Schema it was written under says, and why. */
export type RawVerdict = (Extract<Verdict<Json>, { kind: 'value' }> & { readonly unfit?: string }) | Refused;
type Refused = Extract<Verdict<Json>, { kind: 'refused' }>;

/** Reads what anybody writes to a raw topic: Avro or JSON Schema in Confluent's wire format, or plain JSON. */
export interface RawDecoder {
  /**
   * A plain value within the limits of `parseJson`, or why not; never throws. Avro is read as JSON, see `compileForeign`. JSON behind
   * the id of a JSON Schema is checked by it, unless that refers to others or is of draft 4.
   */
  decode(bytes: Buffer): RawVerdict;
  /** As `Serde.prepare`: to be awaited before `decode` when it answers a promise. */
  prepare(bytes: Buffer): Promise<void> | undefined;
}

export function createRawDecoder({ registry, clock = systemClock }: { registry: Registry; clock?: Clock }): RawDecoder {
  const writers = createWriters(registry, clock);
  const types = new Map<number, avsc.Type | string>();
  const checks = new Map<number, RecordCheck | string>();

  function checkOf(id: number, schema: string): RecordCheck | string {
    const check = checks.get(id) ?? checkBy(id, schema);
    checks.set(id, check);
    return check;
  }

  function checked(id: number, schema: string, verdict: Verdict<Json>): RawVerdict {
    if (verdict.kind === 'refused') return verdict;
    const check = checkOf(id, schema);
    if (typeof check === 'string') return { kind: 'refused', reason: check };
    const unfit = check(verdict.value);
    return unfit === undefined ? verdict : { ...verdict, unfit: `schema ${id}: ${unfit}` };
  }

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
      if (writer.kind === 'json') return checked(id, writer.schema, parseJson(bytes.subarray(prefixLength)));
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

const unchecked: RecordCheck = () => undefined;

/** How records of a registered JSON Schema are checked, or why it cannot be used; without `$schema` it is of draft 7, as Confluent has it. */
function checkBy(id: number, schema: string): RecordCheck | string {
  const parsed = parse(Buffer.from(schema === '' ? 'true' : schema));
  if (parsed.kind === 'refused') return `schema ${id} is not valid: ${parsed.reason}`;
  const { value } = parsed;
  if (!isJsonObject(value) || String(value['$schema']).includes('draft-04')) return unchecked;
  try {
    return recordCheck(value, 'draft-07');
  } catch (error) {
    return `schema ${id} is not valid: ${error instanceof Error ? error.message : 'not readable'}`;
  }
}

/** The type, or why the schema cannot be used. */
function compiled(id: number, schema: string): avsc.Type | string {
  try {
    return compileForeign(schema);
  } catch (error) {
    return `schema ${id} is not valid: ${error instanceof Error ? error.message : 'not readable'}`;
  }
}
