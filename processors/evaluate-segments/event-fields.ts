import { compileCondition } from '../../schemas/cel.ts';
import type { JsonSchema } from '../../schemas/config.ts';
import type { LeafEvent, LeafScope } from './operator.ts';

type Properties = Readonly<Record<string, unknown>>;

/** What a dotted path such as `cart.id` leads to in an object, as text; undefined when nothing is there. */
export function textAt(object: unknown, path: string): string | undefined {
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Properties)[name];
  }
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Fields by which an operator picks its events. */
export interface EventChoice {
  readonly of: string;
  readonly where?: string;
}

/** Whether an event is one of those chosen. */
export function chooser({ of, where }: EventChoice, scope: LeafScope): (event: LeafEvent) => boolean {
  if (where === undefined) return ({ event }) => event === of;
  const path = [...scope.path, 'where'];
  const holds = compileCondition(where, { variables: ['properties'], path, timezone: scope.timezone });
  return ({ event, properties }) => event === of && holds({ properties });
}

export const eventName: JsonSchema = { type: 'string', minLength: 1, description: 'Name of the event.' };

export const whereSchema: JsonSchema = {
  type: 'string',
  minLength: 1,
  description: 'Only events for which this holds: a CEL condition over `properties`.',
};

export const pathSchema = (description: string): JsonSchema => ({
  type: 'string',
  minLength: 1,
  description: `${description} The name of a property, or a path to one such as cart.id.`,
});

/** A schema of an object without further fields. */
export const objectSchema = (
  description: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): JsonSchema => ({ type: 'object', description, properties, required, additionalProperties: false });
