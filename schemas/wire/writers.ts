import type { Clock } from '../../runtime/clock.ts';
import type { RegisteredSchema, Registry } from '../registry/registry.ts';

/** The Confluent wire format: a zero byte, the schema's id in four bytes, the value. */
export const prefixLength = 5;

const unknownForMs = 10_000;
const maxUnknown = 10_000;

/** The id of the schema that wrote the bytes, or undefined when they are not in Confluent's format. */
export function writerId(bytes: Buffer): number | undefined {
  if (bytes.length < prefixLength || bytes[0] !== 0) return undefined;
  const id = bytes.readInt32BE(1);
  return id > 0 ? id : undefined;
}

/** Schemas by id, fetched once. Ids that the registry does not know are asked for again after 10 s. */
export interface Writers {
  /** What has been fetched; undefined when the id is unknown or was never prepared. */
  get(id: number): RegisteredSchema | undefined;
  add(id: number, schema: RegisteredSchema): void;
  /** Fetches what is missing to decode the bytes; undefined when nothing is. Concurrent calls share a request. */
  prepare(bytes: Buffer): Promise<void> | undefined;
}

export function createWriters(registry: Registry, clock: Clock): Writers {
  const known = new Map<number, RegisteredSchema>();
  const unknown = new Map<number, number>();
  const fetching = new Map<number, Promise<void>>();

  async function fetchSchema(id: number): Promise<void> {
    try {
      const schema = await registry.schema(id);
      if (schema !== undefined) known.set(id, schema);
      else {
        const [oldest] = unknown.keys();
        if (unknown.size >= maxUnknown && oldest !== undefined) unknown.delete(oldest);
        unknown.set(id, clock.now() + unknownForMs);
      }
    } finally {
      fetching.delete(id);
    }
  }

  return {
    get: (id) => known.get(id),
    add: (id, schema) => void known.set(id, schema),
    prepare(bytes) {
      const id = writerId(bytes);
      if (id === undefined || known.has(id)) return undefined;
      const until = unknown.get(id);
      if (until !== undefined) {
        if (clock.now() < until) return undefined;
        unknown.delete(id);
      }
      const pending = fetching.get(id) ?? fetchSchema(id);
      fetching.set(id, pending);
      return pending;
    },
  };
}
