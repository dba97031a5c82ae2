import { compileCondition } from '../../schemas/cel.ts';
import type { JsonSchema } from '../../schemas/config.ts';
import { objectSchema } from '../../schemas/schema-parts.ts';
import type { LeafEvent, LeafScope } from './operator.ts';

type Properties = Readonly<Record<string, unknown>>;

/** What a dotted path such as `cart.id` leads to in an object; undefined when nothing is there. */
export function valueAt(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Properties)[name];
  }
  return value === null || value === '' ? undefined : value;
}

/** As `valueAt`, as text. */
export function textAt(object: unknown, path: string): string | undefined {
  const value = valueAt(object, path);
  if (value === undefined) return undefined;
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

/** An event by its name, or by its name and a condition. */
export type EventSelector = string | { readonly event: string; readonly where?: string };

export const selectorSchema = (description: string): JsonSchema => ({
  description: `${description} The name of an event, or {event, where}.`,
  anyOf: [
    { type: 'string', minLength: 1 },
    objectSchema('An event and a condition.', { event: eventName, where: whereSchema }, ['event']),
  ],
});

/** A selector, compiled: its event's name, whether an event is meant, and its meaning as plain data. */
export interface Selected {
  readonly of: string;
  readonly chosen: (event: LeafEvent) => boolean;
  readonly meaning: unknown;
}

export function selected(selector: EventSelector, scope: LeafScope): Selected {
  const { event: of, where } = typeof selector === 'string' ? { event: selector } : selector;
  return {
    of,
    chosen: chooser(where === undefined ? { of } : { of, where }, scope),
    meaning: where === undefined ? of : { event: of, where },
  };
}

/** Field of an operator whose figure may be published. */
export const asSchema: JsonSchema = {
  type: 'string',
  pattern: '^[a-z][a-z0-9_]{0,62}$',
  description: 'Publish the figure as a trait of this name, e.g. orders_30d, for templates and consumers.',
};

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
