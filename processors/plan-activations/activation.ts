import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';
import type { Beyond, FreshnessDemand } from './freshness.ts';

/** A message that a change of membership causes. */
export interface CompiledActivation {
  readonly name: string;
  readonly description: string;
  readonly segment: string;
  readonly change: 'entered' | 'left';
  readonly channel: string;
  /** Trait that holds the address on the channel. */
  readonly address: string;
  readonly template: string;
  /** What the template may use: its variables, by the traits they come from. */
  readonly data: Readonly<Record<string, string>>;
  readonly validForMs: number;
  /** Causes of a change that plan a message; others withhold it. */
  readonly onCauses: readonly string[];
  /** How fresh its facts must be; undefined: nothing is demanded. */
  readonly freshness: FreshnessDemand | undefined;
}

interface ActivationYaml {
  readonly activation: string;
  readonly description?: string;
  readonly on: { readonly segment: string; readonly change?: 'entered' | 'left'; readonly causes?: readonly string[] };
  readonly channel: string;
  readonly address: string;
  readonly template: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly valid_for: string;
  readonly max_age?: Readonly<Record<string, string>>;
  readonly beyond?: Beyond;
}

const causes = ['event', 'timer', 'merge', 'split', 'rule-change', 'seed', 'backfill', 'replay', 'correction'];
const name = (description: string): JsonSchema => ({ type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$', description });
const text = (description: string): JsonSchema => ({ type: 'string', minLength: 1, description });

/** An `activations/*.yaml` file. */
export const activationSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Activation',
  type: 'object',
  description: 'A message to customers whose membership of a segment changes.',
  properties: {
    activation: name('Name of the activation: lower-case letters, digits and dashes.'),
    description: text('What it is, for people.'),
    on: {
      type: 'object',
      description: 'Which changes of membership.',
      properties: {
        segment: name('The segment.'),
        change: { enum: ['entered', 'left'], description: 'entered (when left out) or left.' },
        causes: {
          type: 'array',
          minItems: 1,
          items: { enum: causes, description: 'A cause.' },
          description: 'Causes that send a message; event and timer when left out, so that history that is loaded sends nothing.',
        },
      },
      required: ['segment'],
      additionalProperties: false,
    },
    channel: name('Channel: email, or the name of another sink.'),
    address: text('Trait of the customer that holds the address on the channel.'),
    template: text('Name of the template, without the ending of the file.'),
    data: {
      type: 'object',
      description:
        'Variables of the template, by the trait that each comes from; a trait that is not known leaves its variable out.',
      additionalProperties: text('Name of a trait.'),
    },
    valid_for: durationSchema('Not to be sent later than this after the decision.'),
    max_age: {
      type: 'object',
      minProperties: 1,
      description: 'How old the facts of a source may be, its age and our lag together, by the name of the source.',
      additionalProperties: durationSchema('The age allowed.'),
    },
    beyond: {
      enum: ['hold', 'drop', 'send_anyway'],
      description:
        'What happens beyond max_age. hold (when left out): it waits until the sources have caught up, at most for valid_for; drop; send_anyway.',
    },
  },
  required: ['activation', 'on', 'channel', 'address', 'template', 'valid_for'],
  dependentRequired: { beyond: ['max_age'] },
  additionalProperties: false,
};

const check = schemaCheck(activationSchema);

/** Compiles the plain data of an activation file. Throws ConfigProblem with the path and what was expected. */
export function compileActivation(value: unknown): CompiledActivation {
  check(value);
  const { activation, description, on, channel, address, template, data, valid_for, max_age, beyond } = value as ActivationYaml;
  const validForMs = parseDuration(valid_for, ['valid_for']);
  if (validForMs === 0) throw new ConfigProblem(['valid_for'], 'expected a duration above zero');
  return {
    name: activation,
    description: description ?? '',
    segment: on.segment,
    change: on.change ?? 'entered',
    channel,
    address,
    template,
    data: data ?? {},
    validForMs,
    onCauses: on.causes ?? ['event', 'timer'],
    freshness: max_age && { maxAgeMs: agesOf(max_age), beyond: beyond ?? 'hold' },
  };
}

function agesOf(maxAge: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(maxAge).map(([source, age]) => [source, parseDuration(age, ['max_age', source])] as const),
  );
}
