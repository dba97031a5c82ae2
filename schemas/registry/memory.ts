import { FreshetError } from '../../runtime/errors.ts';
import { differences, incompatible } from './compatibility.ts';
import type { RegisteredSchema, Registry } from './registry.ts';

/** A registry within the process, for tests and drivers; `available = false` makes it answer as one that is away. */
export class MemoryRegistry implements Registry {
  available = true;
  readonly #schemas: RegisteredSchema[] = [];
  readonly #versions = new Map<string, readonly string[]>();

  /** Adds what a foreign producer would have registered, unchecked; answers its id. */
  add(schema: RegisteredSchema): number {
    const known = this.#schemas.findIndex((other) => other.kind === schema.kind && other.schema === schema.schema);
    return known >= 0 ? known + 1 : this.#schemas.push(schema);
  }

  register(subject: string, schema: string): Promise<number> {
    return this.#answer(() => {
      const versions = this.#versions.get(subject) ?? [];
      const last = versions.at(-1);
      if (!versions.includes(schema)) {
        const found = last === undefined ? [] : differences(schema, last);
        if (found.length > 0) throw incompatible(subject, found);
        this.#versions.set(subject, [...versions, schema]);
      }
      return this.add({ kind: 'avro', schema });
    });
  }

  schema(id: number): Promise<RegisteredSchema | undefined> {
    return this.#answer(() => this.#schemas[id - 1]);
  }

  async #answer<T>(answer: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.available) throw new FreshetError('REGISTRY_UNAVAILABLE', 'the registry is away', { retryable: true });
    return answer();
  }
}
