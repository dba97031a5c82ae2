/** A schema as the registry holds it; `json` (a JSON Schema) and `other` are what foreign producers may have registered. */
export interface RegisteredSchema {
  readonly kind: 'avro' | 'json' | 'other';
  /** Avro: as JSON text, complete. JSON Schema: its text, empty where it refers to others. Otherwise empty. */
  readonly schema: string;
}

/**
 * A schema registry as the serdes need it. Rejects with FreshetError only: REGISTRY_UNAVAILABLE (retryable) when it does not
 * answer. Two implementations pass one suite (tests/conformance/registry): `connectRegistry` and `MemoryRegistry`.
 */
export interface Registry {
  /**
   * Registers an Avro schema (JSON text) and answers its id: the same id for the same schema again,
   * also when the subject has later versions by now. The subject is held to BACKWARD compatibility; a schema that cannot read
   * what the last version wrote: TOPIC_MISMATCH, which names the subject and the difference.
   */
  register(subject: string, schema: string): Promise<number>;
  /** The schema with this id; undefined when the registry answers that it has none. */
  schema(id: number): Promise<RegisteredSchema | undefined>;
}
