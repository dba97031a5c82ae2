import type { JsonSchema } from './config.ts';

/** A schema of an object without further fields. */
export const objectSchema = (
  description: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema => ({ type: 'object', description, properties, required, additionalProperties: false });

/** A schema of a text that is not empty. */
export const textSchema = (description: string): JsonSchema => ({ type: 'string', minLength: 1, description });
