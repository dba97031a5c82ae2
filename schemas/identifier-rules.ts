import { createHash } from 'node:crypto';
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { RE2JS } from 're2js';
import { ConfigProblem, type JsonSchema } from './config.ts';
import { normaliseIdentifier } from './segment-message.ts';

/** Where a spelling does not matter: everywhere, nowhere, or in the mailboxes of these domains. */
type Where = boolean | ReadonlySet<string>;

/** How values of a kind are read, and which of them name nobody. */
export interface ValueRule {
  readonly lowerCase: boolean;
  /** Dots before the @ do not count. */
  readonly ignoreDots: Where;
  /** What follows a + before the @ does not count. */
  readonly ignoreTag: Where;
  /** It is a phone number, read as E.164. */
  readonly e164: boolean;
  /** Country (ISO 3166) of phone numbers that do not say theirs; null: such a number is nobody's. */
  readonly country: string | null;
  /** Kept as the SHA-256 of what was read; what comes as one already stays as it is. */
  readonly hash: boolean;
  /** In lower case. */
  readonly blocked: ReadonlySet<string>;
  /** Each has to match the whole value; case does not matter. */
  readonly patterns: readonly RE2JS[];
}

/** By kind; others are only trimmed. */
export type ValueRules = ReadonlyMap<string, ValueRule>;

const plain: ValueRule = {
  lowerCase: false,
  ignoreDots: false,
  ignoreTag: false,
  e164: false,
  country: null,
  hash: false,
  blocked: new Set(),
  patterns: [],
};

/** Addresses that forms are filled with when nobody gives one. Placeholders of other kinds never come this far. */
const nobodysMail = 'test@test.com test@example.com user@example.com noreply@example.com no@email.com none@none.com'.split(' ');

/** Without any file: e-mail addresses in lower case, phone numbers as E.164. */
export const defaultValues: ValueRules = new Map([
  ['email', { ...plain, lowerCase: true, blocked: new Set(nobodysMail) }],
  ['phone', { ...plain, e164: true }],
]);

/** Whether a value that was read names nobody. */
export function isBlockedValue(rules: ValueRules, kind: string, value: string): boolean {
  const rule = rules.get(kind);
  const lower = value.trim().toLowerCase();
  return rule !== undefined && (rule.blocked.has(lower) || rule.patterns.some((pattern) => pattern.matches(lower)));
}

/**
 * A value as it is compared; undefined when it names nobody: placeholders (`normaliseIdentifier`), what is blocked, and a phone
 * number that is none. Reading what was read gives the same.
 */
export function readIdentifier(rules: ValueRules, kind: string, raw: unknown): string | undefined {
  const rule = rules.get(kind) ?? plain;
  const text = normaliseIdentifier(kind, raw);
  if (text === undefined) return undefined;
  if (rule.hash && /^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  if (isBlockedValue(rules, kind, text)) return undefined;
  const spelled = rule.e164 ? e164(text, rule.country) : mailbox(rule.lowerCase ? text.toLowerCase() : text, rule);
  if (spelled === undefined || spelled === '' || isBlockedValue(rules, kind, spelled)) return undefined;
  return rule.hash ? createHash('sha256').update(spelled).digest('hex') : spelled;
}

/** The same digits are another line in another country, so a number without its own (`+` or `00`) needs one. */
function e164(text: string, country: string | null): string | undefined {
  const given = text.replace(/^00/, '+');
  const number =
    country !== null && isSupportedCountry(country)
      ? parsePhoneNumberFromString(given, country)
      : parsePhoneNumberFromString(given);
  return number?.isPossible() === true ? number.number : undefined;
}

function mailbox(text: string, { ignoreDots, ignoreTag }: ValueRule): string {
  const at = text.lastIndexOf('@');
  if (at < 1) return text;
  const domain = text.slice(at + 1).toLowerCase();
  const applies = (where: Where): boolean => (typeof where === 'boolean' ? where : where.has(domain));
  let local = text.slice(0, at);
  if (applies(ignoreTag)) local = local.replace(/(?!^)\+.*$/, '');
  if (applies(ignoreDots)) local = local.replaceAll('.', '');
  return local === '' ? text : local + text.slice(at);
}

const where = (what: string): JsonSchema => ({
  description: `${what}: true, or a list of domains.`,
  anyOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'string', minLength: 1, description: 'A domain.' } }],
});

/** Properties of a kind in `identity.yaml` that say how its values are read. */
export const valueProperties: Readonly<Record<string, JsonSchema>> = {
  normalise: {
    type: 'object',
    description: 'How values are brought to one form before they are compared; spaces around them never count.',
    additionalProperties: false,
    properties: {
      lower_case: { type: 'boolean', description: 'Case does not matter.' },
      ignore_dots: where('Dots before the @ of an e-mail address do not count'),
      ignore_tag: where('What follows a + before the @ of an e-mail address does not count'),
      e164: { type: 'boolean', description: 'It is a phone number.' },
      country: {
        type: 'string',
        pattern: '^[A-Z]{2}$',
        description: 'Country, as DE, of phone numbers that do not say theirs; without it they name nobody.',
      },
      hash: {
        type: 'boolean',
        description: 'Kept as SHA-256 in hex, so that sources that send only that are compared with those that send the value.',
      },
    },
  },
  blocked: {
    type: 'array',
    items: { type: 'string', description: 'A value.' },
    description: 'Values that name nobody, besides the usual placeholders; case does not matter.',
  },
  blocked_patterns: {
    type: 'array',
    items: { type: 'string', minLength: 1, description: 'A regular expression.' },
    description: 'Regular expressions (RE2) of values that name nobody; each has to match the whole value, case does not matter.',
  },
};

/** What `valueProperties` describe. */
export interface ValueDocument {
  readonly normalise?: {
    readonly lower_case?: boolean;
    readonly ignore_dots?: boolean | readonly string[];
    readonly ignore_tag?: boolean | readonly string[];
    readonly e164?: boolean;
    readonly country?: string;
    readonly hash?: boolean;
  };
  readonly blocked?: readonly string[];
  readonly blocked_patterns?: readonly string[];
}

/** Compiles the values' part of each kind; what is left out keeps its default. ConfigProblem names the field. */
export function compileValues(kinds: Readonly<Record<string, ValueDocument>>): ValueRules {
  const rules = new Map(defaultValues);
  for (const [kind, given] of Object.entries(kinds)) {
    const base = rules.get(kind) ?? plain;
    const { normalise = {}, blocked = [], blocked_patterns: patterns = [] } = given;
    if (normalise.country !== undefined && !isSupportedCountry(normalise.country))
      throw new ConfigProblem(['kinds', kind, 'normalise', 'country'], `expected a country as DE, found "${normalise.country}"`);
    rules.set(kind, {
      lowerCase: normalise.lower_case ?? base.lowerCase,
      ignoreDots: placesOf(normalise.ignore_dots) ?? base.ignoreDots,
      ignoreTag: placesOf(normalise.ignore_tag) ?? base.ignoreTag,
      e164: normalise.e164 ?? base.e164,
      country: normalise.country ?? base.country,
      hash: normalise.hash ?? base.hash,
      blocked: new Set([...base.blocked, ...blocked.map((value) => value.trim().toLowerCase())]),
      patterns: patterns.map((text, index) => pattern(text, ['kinds', kind, 'blocked_patterns', index])),
    });
  }
  return rules;
}

function placesOf(given: boolean | readonly string[] | undefined): Where | undefined {
  return typeof given === 'boolean' || given === undefined ? given : new Set(given.map((domain) => domain.toLowerCase()));
}

function pattern(text: string, path: readonly (string | number)[]): RE2JS {
  try {
    return RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    throw new ConfigProblem(path, `expected a regular expression (RE2): ${(error as Error).message}`);
  }
}
