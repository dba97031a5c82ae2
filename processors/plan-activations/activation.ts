import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import { demandOf, demandProperties, type DemandYaml, type FreshnessDemand } from '../../schemas/freshness-demand.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';
import { noReference, type ReferenceReader } from '../../schemas/reference-reader.ts';
import { compileComputed, compileWhen, type Computed, type Condition } from './expressions.ts';

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
  /** Variables that are worked out. */
  readonly computed: readonly Computed[];
  /** What must hold for it to go; undefined: nothing more. */
  readonly condition: Condition | undefined;
  /** Traits that it waits for, and for how long at most; undefined: for none. */
  readonly wait: Wait | undefined;
  readonly validForMs: number;
  /** Causes of a change that plan a message; others withhold it. */
  readonly onCauses: readonly string[];
  /** How fresh its facts must be, by itself, its segment and its channel; undefined: nothing is demanded. */
  readonly freshness: FreshnessDemand | undefined;
}

/** What may still come before a message goes without it. */
export interface Wait {
  readonly traits: readonly string[];
  readonly atMostMs: number;
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
  readonly when?: string;
  readonly wait?: { readonly for: readonly string[]; readonly at_most: string };
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
      additionalProperties: text(
        'Name of a trait; or after an equals sign a CEL expression over `traits` and reference tables, e.g. =price(traits.viewed).amount.',
      ),
    },
    when: text(
      'It goes only where this holds: a CEL condition over `traits` and reference tables, e.g. stock(traits.viewed).quantity > 5.',
    ),
    wait: {
      type: 'object',
      description: 'Traits that may still come, e.g. from an enrichment: it waits for them, but not for long.',
      properties: {
        for: { type: 'array', minItems: 1, items: text('Name of a trait.'), description: 'The traits.' },
        at_most: durationSchema('After this it goes without them.'),
      },
      required: ['for', 'at_most'],
      additionalProperties: false,
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
export function compileActivation(value: unknown, reference: ReferenceReader = noReference): CompiledActivation {
  check(value);
  const yaml = value as ActivationYaml;
  const { activation, description, on, channel, address, template, data = {}, valid_for, when, wait } = yaml;
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
    data: Object.fromEntries(Object.entries(data).filter(([, from]) => !from.startsWith('='))),
    computed: Object.entries(data).flatMap(([name, from]) =>
      from.startsWith('=') ? [compileComputed(name, from.slice(1).trim(), ['data', name], reference)] : [],
    ),
    condition: when === undefined ? undefined : compileWhen(when, ['when'], reference),
    wait: wait && { traits: wait.for, atMostMs: parseDuration(wait.at_most, ['wait', 'at_most']) },
    validForMs,
    onCauses: on.causes ?? ['event', 'timer'],
    freshness: demandOf(yaml),
  };
}
