import { compileCel, compileCondition } from './cel.ts';
import { ConfigProblem, type ConfigPath, type JsonSchema, type PollConfig, type WebhookConfig } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { objectSchema, textSchema } from './schema-parts.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** `auth` of a question, as the schema lets it through. */
export type AuthYaml =
  | { readonly bearer: string }
  | { readonly basic: { readonly user: string; readonly password: string } }
  | { readonly header: string; readonly value: string };

/** `poll` of a source file, as the schema lets it through. */
export interface PollYaml {
  readonly url: string;
  readonly every: string;
  readonly items?: string;
  readonly cursor?: { readonly next: string; readonly first?: string; readonly more?: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth?: AuthYaml;
  readonly timeout?: string;
}

/** `webhook` of a source file, as the schema lets it through. */
export interface WebhookYaml {
  readonly secrets: readonly string[];
  readonly signature:
    | keyof typeof knownSignatures
    | {
        readonly header: string;
        readonly encoding?: 'hex' | 'base64';
        readonly prefix?: string;
        readonly timestamp?: string;
        readonly id?: string;
      };
  readonly within?: string;
}

const secretPattern = '^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$';
const secret = (description: string): JsonSchema => ({
  type: 'string',
  pattern: secretPattern,
  description: `${description} \${NAME} of an environment variable: secrets do not stand in files.`,
});

/** How a question of ours says who asks. */
export const authSchema: JsonSchema = {
  description: 'How it says who it is: {bearer}, {basic: {user, password}} or {header, value}',
  anyOf: [
    objectSchema('By a bearer token.', { bearer: secret('The token.') }, ['bearer']),
    objectSchema(
      'By user and password.',
      {
        basic: objectSchema('Who.', { user: textSchema('The user.'), password: secret('The password.') }, ['user', 'password']),
      },
      ['basic'],
    ),
    objectSchema('By a header.', { header: textSchema('Its name.'), value: secret('Its value.') }, ['header', 'value']),
  ],
};

/** The part `poll` of a source file. */
export const pollSchema: JsonSchema = objectSchema(
  'Asked for by HTTP, again and again; each thing found is a record of the raw topic.',
  {
    url: {
      type: 'string',
      pattern: '^https?://',
      description: 'What is asked; {cursor} stands for the cursor of the last answer.',
    },
    every: durationSchema('How often.'),
    items: textSchema('The records in an answer: a CEL expression over `body` that gives a list; the body itself when left out.'),
    cursor: objectSchema(
      'Where the next answer goes on, where the other side has cursors.',
      {
        next: textSchema('A CEL expression over `body`; null leaves the cursor as it is.'),
        first: textSchema('The cursor of the first question; empty when left out.'),
        more: textSchema('A CEL condition over `body`: there is more, to be asked for at once.'),
      },
      ['next'],
    ),
    headers: { type: 'object', description: 'Headers of the question.', additionalProperties: textSchema('The value.') },
    auth: authSchema,
    timeout: durationSchema('How long an answer may take; 30s by default.'),
  },
  ['url', 'every'],
);

/** How well-known senders sign; docs/freshness.md names them. */
export const knownSignatures = {
  github: { header: 'x-hub-signature-256', encoding: 'hex', prefix: 'sha256=', id: 'x-github-delivery' },
  shopify: { header: 'x-shopify-hmac-sha256', encoding: 'base64', prefix: '', id: 'x-shopify-webhook-id' },
  stripe: { header: 'stripe-signature', encoding: 'hex', prefix: 'v1=', timestamp: 't=' },
} as const;

/** The part `webhook` of a source file. */
export const webhookSchema: JsonSchema = objectSchema(
  'Taken in from others at POST /webhooks/<source> of the gateway.',
  {
    secrets: {
      type: 'array',
      minItems: 1,
      description: 'With which the sender signs; several while one is being replaced.',
      items: secret('One of them.'),
    },
    signature: {
      description: `How the body is signed, by HMAC-SHA-256: ${Object.keys(knownSignatures).join(', ')}, or {header, encoding, prefix, timestamp, id}`,
      anyOf: [
        { enum: Object.keys(knownSignatures) },
        objectSchema(
          'A way of one’s own.',
          {
            header: textSchema('Header that holds the signature.'),
            encoding: { enum: ['hex', 'base64'], description: 'How it is written; hex by default.' },
            prefix: textSchema('What stands before it.'),
            timestamp: textSchema('Header with the time of sending, epoch seconds; then <time>.<body> is what is signed.'),
            id: textSchema('Header with the id of the message, by which repetitions are recognised.'),
          },
          ['header'],
        ),
      ],
    },
    within: durationSchema('How far the time of sending, where it is signed, may be from now; 5m by default.'),
  },
  ['secrets', 'signature'],
);

/** Compiles `poll`; ConfigProblem with the path and what was expected. */
export function compilePoll(poll: PollYaml, env: Env): PollConfig {
  const path: ConfigPath = ['poll'];
  const { cursor } = poll;
  const everyMs = parseDuration(poll.every, [...path, 'every']);
  if (everyMs < 1000) throw new ConfigProblem([...path, 'every'], 'expected 1s or more');
  const check = (expression: string, ...at: string[]): string => {
    compileCel(expression, { variables: ['body'], path: [...path, ...at] });
    return expression;
  };
  if (cursor?.more !== undefined) compileCondition(cursor.more, { variables: ['body'], path: [...path, 'cursor', 'more'] });
  return {
    url: poll.url,
    everyMs,
    items: poll.items === undefined ? null : check(poll.items, 'items'),
    cursor:
      cursor === undefined
        ? null
        : { next: check(cursor.next, 'cursor', 'next'), first: cursor.first ?? '', more: cursor.more ?? null },
    headers: headersOf(poll, env, path),
    timeoutMs: poll.timeout === undefined ? 30_000 : parseDuration(poll.timeout, [...path, 'timeout']),
  };
}

/** Compiles `webhook`; ConfigProblem with the path and what was expected. */
export function compileWebhook({ secrets, signature, within }: WebhookYaml, env: Env): WebhookConfig {
  const given = typeof signature === 'string' ? knownSignatures[signature] : signature;
  const isStripe = signature === 'stripe';
  const timestamp = 'timestamp' in given ? (given.timestamp ?? null) : null;
  const id = 'id' in given ? (given.id ?? null) : null;
  return {
    secrets: secrets.map((each, index) => secretOf(each, env, ['webhook', 'secrets', index])),
    header: given.header.toLowerCase(),
    encoding: given.encoding ?? 'hex',
    prefix: given.prefix ?? '',
    timestamp: timestamp === null ? null : isStripe ? { inSignature: timestamp } : { header: timestamp.toLowerCase() },
    idHeader: id?.toLowerCase() ?? null,
    withinMs: within === undefined ? 5 * 60_000 : parseDuration(within, ['webhook', 'within']),
  };
}

/** The headers of a question, with what says who asks; ConfigProblem where a secret is missing. */
export function headersOf(
  { headers = {}, auth }: Pick<PollYaml, 'headers' | 'auth'>,
  env: Env,
  path: ConfigPath,
): Readonly<Record<string, string>> {
  if (auth === undefined) return headers;
  if ('bearer' in auth) return { ...headers, authorization: `Bearer ${secretOf(auth.bearer, env, [...path, 'auth', 'bearer'])}` };
  if ('header' in auth) return { ...headers, [auth.header]: secretOf(auth.value, env, [...path, 'auth', 'value']) };
  const { user, password } = auth.basic;
  const text = secretOf(password, env, [...path, 'auth', 'basic', 'password']);
  return { ...headers, authorization: `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}` };
}

function secretOf(reference: string, env: Env, path: ConfigPath): string {
  const name = reference.slice(2, -1);
  const value = env[name];
  if (value === undefined || value === '') throw new ConfigProblem(path, `the environment variable ${name} is not set`);
  return value;
}
