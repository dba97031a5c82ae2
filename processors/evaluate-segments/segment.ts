import { createHash } from 'node:crypto';
import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema } from '../../schemas/duration.ts';
import { demandOf, demandProperties, type DemandYaml, type FreshnessDemand } from '../../schemas/freshness-demand.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';
import { topics } from '../../schemas/topics.ts';
import { objectSchema } from '../../schemas/schema-parts.ts';
import type { LeafScope, Operator } from './operator.ts';
import { operators as registered } from './operators/registry.ts';
import { canonical } from './canonical.ts';
import type { Rates } from './rates.ts';
import { compileRule, ruleMayHold, ruleSchema, type CompiledLeaf, type Rule } from './rule.ts';

/** A segment, ready to be evaluated. */
export interface CompiledSegment {
  readonly name: string;
  readonly description: string;
  /** `sha256:` and the hash of what the rule means; comments, description, spelling and tests do not count. */
  readonly version: string;
  readonly rule: Rule;
  readonly leaves: readonly CompiledLeaf[];
  /** Names of the events it listens to. */
  readonly events: readonly string[];
  /** Entering is safe to be decided on arrival. */
  readonly monotone: boolean;
  /** Decided on arrival by choice, although it may have to be taken back. */
  readonly eager: boolean;
  /** Evaluated like any other, but nothing of it is published. */
  readonly shadow: boolean;
  /** Under which its memberships are kept: those of a shadow apart from those that were published. */
  readonly key: string;
  /** A customer of whom nothing is known but that he exists is a member, or some are. */
  readonly holdsOnNothing: boolean;
  /** Rates of exchange that its figures rest on. */
  readonly rates?: Rates | undefined;
  /** Its changes are on this topic as well. */
  readonly topic?: string | undefined;
  /** What stands in its file and makes its rule, so that it can be compiled again when the file is another. */
  readonly definition?: Readonly<Record<string, unknown>>;
  /** How fresh its facts must be for a message; undefined: nothing is demanded. The rule itself goes by its clock. */
  readonly freshness?: FreshnessDemand | undefined;
}

interface SegmentYaml extends DemandYaml {
  readonly segment: string;
  readonly description?: string;
  readonly when: Readonly<Record<string, unknown>>;
  readonly eager?: boolean;
  readonly mode?: 'live' | 'shadow';
  readonly publish?: { readonly topic: string };
}

/** Begins the keys of shadows; no name of a segment does. */
export const SHADOW = '~';

export const segmentName: JsonSchema = {
  type: 'string',
  pattern: '^[a-z][a-z0-9-]{0,62}$',
  description: 'Name of the segment: lower-case letters, digits and dashes.',
};

const testEvent: JsonSchema = {
  type: 'object',
  description: 'An event: its time, its name, and its properties, either beside these or under `properties`.',
  properties: {
    t: durationSchema('When, counted from the start of the test.'),
    event: { type: 'string', minLength: 1, description: 'Name of the event.' },
    properties: { type: 'object', description: 'Properties of the event.' },
    traits: { type: 'object', description: 'Traits that come with it.' },
    timezone: { type: 'string', minLength: 1, description: 'Time zone of the device that sent it.' },
  },
  required: ['t', 'event'],
};

const expectation = objectSchema(
  'Whether the customer is a member at a time.',
  {
    at: durationSchema('When, counted from the start of the test.'),
    member: { type: 'boolean', description: 'Whether he is a member then.' },
  },
  ['at', 'member'],
);

const testFields: readonly (readonly [name: string, schema: JsonSchema])[] = [
  ['name', { type: 'string', minLength: 1, description: 'What it shows.' }],
  [
    'start',
    {
      type: 'string',
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}',
      description: 'Time at which t is 0, e.g. 2024-01-15T00:00:00Z, which it is when left out.',
    },
  ],
  ['customer', { type: 'string', minLength: 1, description: 'Id of the customer, where the rule draws lots.' }],
  ['given', { type: 'array', items: testEvent, description: 'The events, in any order.' }],
  [
    'then',
    {
      description: 'What is expected: {at, member}, or a list of these',
      anyOf: [expectation, { type: 'array', minItems: 1, items: expectation }],
    },
  ],
];

const testSchema = objectSchema('Events of one customer, and the memberships that follow.', Object.fromEntries(testFields), [
  'given',
  'then',
]);

/** A `segments/*.yaml` file. */
export function segmentSchema(operators: readonly Operator[] = registered): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Segment',
    $defs: { rule: ruleSchema(operators) },
    ...objectSchema(
      'A segment: customers for whom a rule holds.',
      {
        segment: segmentName,
        description: { type: 'string', minLength: 1, description: 'What it is, for people.' },
        when: { $ref: '#/$defs/rule', description: 'The rule.' },
        eager: {
          type: 'boolean',
          description:
            'Decide when an event arrives, without waiting for others that may still come; what proves wrong is corrected.',
        },
        mode: {
          enum: ['live', 'shadow'],
          description:
            'shadow: evaluated on live traffic, and counted, but nothing of it is published; its state is there when it becomes live. live when left out.',
        },
        publish: objectSchema(
          'Where else its changes are told.',
          {
            topic: {
              type: 'string',
              pattern: '^segments\\.[a-z][a-z0-9-]{0,62}$',
              description:
                'Topic of its own for consumers of this segment alone, e.g. segments.vip: the same records in the same transaction; made at the start.',
            },
          },
          ['topic'],
        ),
        ...demandProperties,
        tests: { type: 'array', items: testSchema, description: 'Examples, checked by `freshet validate`.' },
      },
      ['segment', 'when'],
    ),
    dependentRequired: { beyond: ['max_age'] },
  };
}

/** Compiles the plain data of a segment file. Throws ConfigProblem with the path and what was expected. */
export function segmentCompiler(
  timezone = 'UTC',
  segments: LeafScope['segments'] = () => undefined,
  operators: readonly Operator[] = registered,
  rates?: Rates,
): (value: unknown) => CompiledSegment {
  const check = schemaCheck(segmentSchema(operators));
  return (value) => {
    check(value);
    const yaml = value as SegmentYaml;
    const { segment, description, when, eager, mode = 'live' } = yaml;
    const { rule, leaves, meaning, monotone } = compileRule(segment, when, operators, {
      path: ['when'],
      timezone,
      segments,
      rates,
    });
    const byHash = new Map(leaves.map(({ hash, leaf }) => [hash, leaf]));
    const nothing = (hash: string, be: boolean): boolean => {
      const leaf = byHash.get(hash);
      return leaf?.forCustomer !== undefined || leaf?.holds(leaf.empty, 0) === be;
    };
    const topic = yaml.publish?.topic;
    if (topic !== undefined && Object.values(topics).some(({ name }) => name === topic))
      throw new ConfigProblem(['publish', 'topic'], `expected a topic of its own, ${topic} holds something else`);
    const digest = createHash('sha256')
      .update(canonical({ when: meaning, eager }))
      .digest('hex');
    return {
      name: segment,
      description: description ?? '',
      version: `sha256:${digest}`,
      rule,
      leaves,
      events: [...new Set(leaves.flatMap(({ leaf }) => leaf.events))].sort(),
      monotone,
      eager: eager ?? false,
      shadow: mode === 'shadow',
      key: mode === 'shadow' ? `${SHADOW}${segment}` : segment,
      holdsOnNothing: ruleMayHold(rule, nothing),
      definition: definitionOf(yaml),
      ...(topic === undefined ? {} : { topic }),
      rates: leaves.find(({ leaf }) => leaf.rates !== undefined)?.leaf.rates,
      ...(yaml.max_age === undefined ? {} : { freshness: demandOf(yaml) }),
    };
  };
}

function definitionOf({ segment, when, eager, mode, publish }: SegmentYaml): Readonly<Record<string, unknown>> {
  const given = Object.entries({ segment, when, eager, mode, publish });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
