import { compileCel } from './cel.ts';
import { ConfigProblem, type ConfigPath, type EnrichConfig, type JsonSchema } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { objectSchema, textSchema } from './schema-parts.ts';
import { authSchema, type AuthYaml, headersOf } from './source-pull.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** `enrich` of a source file, as the schema lets it through. */
export interface EnrichYaml {
  readonly events: readonly string[];
  readonly key: string;
  readonly url: string;
  readonly fresh_for: string;
  readonly budget: { readonly calls: number; readonly per: string };
  readonly at_once?: number;
  readonly attempts?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth?: AuthYaml;
  readonly timeout?: string;
}

const count = (description: string, maximum: number): JsonSchema => ({ type: 'integer', minimum: 1, maximum, description });

/** The part `enrich` of a source file. */
export const enrichSchema: JsonSchema = objectSchema(
  'What third parties say, asked by HTTP because of an event; each answer is a record of the raw topic.',
  {
    events: {
      type: 'array',
      minItems: 1,
      items: textSchema('Name of an event of another source.'),
      description: 'Events that cause a question.',
    },
    key: textSchema(
      'What is asked about: a CEL expression over `event` (event, type, properties, traits, context, identifiers) that gives a text or a number; null: nothing is asked.',
    ),
    url: {
      type: 'string',
      pattern: '^https?://[^/?#{}]+[/?][^{}]*(\\{key\\}[^{}]*)+$',
      description: 'What is asked, by GET; {key}, in the path or behind it, stands for what is asked about.',
    },
    fresh_for: durationSchema('How long an answer is kept: meanwhile the same is not asked again.'),
    budget: objectSchema(
      'Calls that may be made; beyond it they are left out and counted.',
      { calls: count('How many.', 100_000_000), per: durationSchema('In which time, from 1s.') },
      ['calls', 'per'],
    ),
    at_once: count('Calls under way at the same time; 4 by default.', 64),
    attempts: count('Calls for one question, where the other side is busy or away; 4 by default.', 20),
    headers: { type: 'object', description: 'Headers of the question.', additionalProperties: textSchema('The value.') },
    auth: authSchema,
    timeout: durationSchema('How long an answer may take; 2s by default.'),
  },
  ['events', 'key', 'url', 'fresh_for', 'budget'],
);

/** Compiles `enrich`; ConfigProblem with the path and what was expected. */
export function compileEnrich(enrich: EnrichYaml, env: Env, ofCustomers: boolean): EnrichConfig {
  const path: ConfigPath = ['enrich'];
  const { events, key, url, fresh_for: freshFor, budget, at_once: atOnce = 4, attempts = 4, timeout = '2s' } = enrich;
  compileCel(key, { variables: ['event'], path: [...path, 'key'] });
  const atLeast = (text: string, least: number, words: string, ...at: string[]): number => {
    const ms = parseDuration(text, [...path, ...at]);
    if (ms < least) throw new ConfigProblem([...path, ...at], `expected ${words} or more`);
    return ms;
  };
  return {
    events,
    key,
    url,
    freshForMs: atLeast(freshFor, 1000, '1s', 'fresh_for'),
    budget: { calls: budget.calls, perMs: atLeast(budget.per, 1000, '1s', 'budget', 'per') },
    atOnce,
    attempts,
    headers: headersOf(enrich, env, path),
    timeoutMs: atLeast(timeout, 1, '1ms', 'timeout'),
    ofCustomers,
  };
}
