import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import { demandOf, demandProperties, type DemandYaml, type FreshnessDemand } from '../../schemas/freshness-demand.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';

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
  /** How fresh its facts must be, by itself, its segment and its channel; undefined: nothing is demanded. */
  readonly freshness: FreshnessDemand | undefined;
}

interface ActivationYaml extends DemandYaml {
  readonly activation: string;
  readonly description?: string;
  readonly on: { readonly segment: string; readonly change?: 'entered' | 'left'; readonly causes?: readonly string[] };
  readonly channel: string;
  readonly address: string;
  readonly template: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly valid_for: string;
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
    ...demandProperties,
  },
  required: ['activation', 'on', 'channel', 'address', 'template', 'valid_for'],
  dependentRequired: { beyond: ['max_age'] },
  additionalProperties: false,
};

const check = schemaCheck(activationSchema);

/** Compiles the plain data of an activation file. Throws ConfigProblem with the path and what was expected. */
export function compileActivation(value: unknown): CompiledActivation {
  check(value);
  const yaml = value as ActivationYaml;
  const { activation, description, on, channel, address, template, data, valid_for } = yaml;
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
    freshness: demandOf(yaml),
  };
}
