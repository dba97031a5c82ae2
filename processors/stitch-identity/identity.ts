import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import {
  compileValues,
  defaultValues,
  isBlockedValue,
  type ValueDocument,
  valueProperties,
  type ValueRules,
} from '../../schemas/identifier-rules.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';
import { compileFuzzy, type FuzzyConfig, type FuzzyDocument, fuzzySchema } from './fuzzy/rules.ts';

/** What holds for identifiers of one kind. */
export interface KindRule {
  /** The higher one founds the customer that survives a merge. */
  readonly priority: number;
  /** How many different values one customer may have; null: any number. */
  readonly limit: number | null;
  /** The limit is on values first linked within so long a time, milliseconds; null: on all. */
  readonly withinMs: number | null;
  /** It can change hands: where limits forbid a union, it belongs to the later owner from that event on. */
  readonly moving: boolean;
}

/** The rules of identity of a workspace, compiled. */
export interface IdentityRules {
  readonly kinds: ReadonlyMap<string, KindRule>;
  /** For kinds that are not named. */
  readonly others: KindRule;
  /** How values are read, and which name nobody. */
  readonly values: ValueRules;
  /** Identifiers with more neighbours than this link nobody. */
  readonly maxNeighbours: number;
  /** A component of linked identifiers takes no more edges than this. */
  readonly maxEdges: number;
  /** How long message ids are remembered at least, milliseconds of broker time. */
  readonly rememberMs: number;
  /** Repeated sightings of a moving identifier closer together than this count as one, milliseconds. */
  readonly sightingsEveryMs: number;
  /** How customers who share no identifier but look alike are found; absent: they are not. */
  readonly fuzzy?: FuzzyConfig;
}

const rule = (priority: number, limit: number | null, moving = false): KindRule => ({ priority, limit, withinMs: null, moving });

/**
 * Without any file. An account is one person, so two `user_id` never meet. People have several addresses and numbers, but
 * twenty of one kind are a mailing list or a test. Browsers and devices are many, and are handed on. The order is that in
 * which an event's primary identifier is chosen.
 */
export const defaultIdentity: IdentityRules = {
  kinds: new Map([
    ['user_id', rule(100, 1)],
    ['email', rule(80, 20)],
    ['phone', rule(60, 20)],
    ['anonymous_id', rule(40, null, true)],
    ['device_id', rule(20, null, true)],
  ]),
  others: rule(10, null),
  values: defaultValues,
  maxNeighbours: 100,
  maxEdges: 1000,
  rememberMs: 7 * 24 * 60 * 60 * 1000,
  sightingsEveryMs: 60_000,
};

/** The rule of a kind. */
export function ruleOf(rules: IdentityRules, kind: string): KindRule {
  return rules.kinds.get(kind) ?? rules.others;
}

/** Whether a value names nobody. */
export function isBlocked(rules: IdentityRules, kind: string, value: string): boolean {
  return isBlockedValue(rules.values, kind, value);
}

const limitSchema: JsonSchema = {
  type: 'object',
  description: 'A limit on values first linked within a time.',
  additionalProperties: false,
  required: ['count', 'within'],
  properties: {
    count: { type: 'integer', minimum: 1, description: 'How many different values.' },
    within: durationSchema('The time.'),
  },
};

const kindSchema: JsonSchema = {
  type: 'object',
  description: 'What holds for identifiers of this kind.',
  additionalProperties: false,
  properties: {
    priority: {
      type: 'number',
      minimum: 0,
      description: 'The kind with the higher number founds the customer that survives a merge.',
    },
    limit: {
      anyOf: [{ type: 'integer', minimum: 1 }, limitSchema, { type: 'null' }],
      description:
        'How many different values one customer may have: a number, { count, within } for those first linked within a time before the link, or null for any number.',
    },
    moving: { type: 'boolean', description: 'It can change hands, as devices do, and then goes with the later owner.' },
    ...valueProperties,
  },
};

/** JSON Schema of `identity.yaml`. */
export const identitySchema: JsonSchema = {
  type: 'object',
  description: 'How identifiers become customers. What is left out keeps its default.',
  additionalProperties: false,
  properties: {
    kinds: { type: 'object', description: 'Kinds of identifiers by name.', additionalProperties: kindSchema },
    max_neighbours: {
      type: 'integer',
      minimum: 1,
      description: 'An identifier seen with more others than this (a kiosk) links nobody.',
    },
    max_edges: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      description: 'A group of linked identifiers takes no more links than this.',
    },
    remember: durationSchema('How long message ids are remembered, to drop repeated events.'),
    sightings_every: durationSchema('Sightings of a moving identifier closer together than this count as one.'),
    fuzzy: fuzzySchema,
  },
};

interface KindDocument extends ValueDocument {
  readonly priority?: number;
  readonly limit?: number | null | { readonly count: number; readonly within: string };
  readonly moving?: boolean;
}

interface IdentityDocument {
  readonly kinds?: Readonly<Record<string, KindDocument>>;
  readonly max_neighbours?: number;
  readonly max_edges?: number;
  readonly remember?: string;
  readonly sightings_every?: string;
  readonly fuzzy?: FuzzyDocument;
}

/** Compiles the content of `identity.yaml`; ConfigProblem names the field that does not fit. */
export function compileIdentity(content: unknown): IdentityRules {
  schemaCheck(identitySchema)(content);
  const document = content as IdentityDocument;
  const kinds = new Map(defaultIdentity.kinds);
  for (const [kind, given] of Object.entries(document.kinds ?? {})) {
    if (/[\s/]/.test(kind)) throw new ConfigProblem(['kinds', kind], 'expected a kind without spaces or slashes');
    const base = kinds.get(kind) ?? defaultIdentity.others;
    kinds.set(kind, {
      priority: given.priority ?? base.priority,
      ...limitOf(given.limit, base, kind),
      moving: given.moving ?? base.moving,
    });
  }
  const duration = (value: string | undefined, otherwise: number, field: string): number =>
    value === undefined ? otherwise : parseDuration(value, [field]);
  const fuzzy = compileFuzzy(document.fuzzy);
  return {
    ...(fuzzy && { fuzzy }),
    kinds,
    others: defaultIdentity.others,
    values: compileValues(document.kinds ?? {}),
    maxNeighbours: document.max_neighbours ?? defaultIdentity.maxNeighbours,
    maxEdges: document.max_edges ?? defaultIdentity.maxEdges,
    rememberMs: duration(document.remember, defaultIdentity.rememberMs, 'remember'),
    sightingsEveryMs: duration(document.sightings_every, defaultIdentity.sightingsEveryMs, 'sightings_every'),
  };
}

function limitOf(given: KindDocument['limit'], base: KindRule, kind: string): Pick<KindRule, 'limit' | 'withinMs'> {
  if (given === undefined) return { limit: base.limit, withinMs: base.withinMs };
  if (typeof given !== 'object' || given === null) return { limit: given, withinMs: null };
  return { limit: given.count, withinMs: parseDuration(given.within, ['kinds', kind, 'limit', 'within']) };
}
