import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import type { Proof, SourceProof } from '../../schemas/generated/types.ts';
import { objectSchema } from '../../schemas/schema-parts.ts';

/** Rates of exchange, by the time from which each table of them holds. */
export interface Rates {
  readonly base: string;
  /** A table that is older counts as stale in a proof; undefined: none is too old. */
  readonly maxAgeMs: number | undefined;
  /** An amount of a time in another currency, rounded to a whole; undefined where no table of that time or before has both. */
  convert(amount: number, from: string, to: string, at: number): number | undefined;
  /** Since when the newest table of a time holds, epoch milliseconds; undefined before the first. */
  asOf(at: number): number | undefined;
}

export interface RatesYaml {
  readonly base: string;
  readonly max_age?: string;
  readonly tables: readonly { readonly as_of: string; readonly rates: Readonly<Record<string, number>> }[];
}

/** Where the rates stand in freshet.yaml, and what they are called in a proof. */
export const RATES = 'rates';

const code: JsonSchema = { type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of a currency, e.g. EUR.' };

export const ratesSchema: JsonSchema = objectSchema(
  'Rates of exchange, for figures that convert.',
  {
    base: { ...code, description: 'Currency in which all rates are told.' },
    max_age: durationSchema('Older rates count as stale in the proof of what was figured with them.'),
    tables: {
      type: 'array',
      minItems: 1,
      description: 'Each holds from its time until the next; later ones are added, those that are there stay as they are.',
      items: objectSchema(
        'The rates of a time.',
        {
          as_of: {
            type: 'string',
            pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z)?$',
            description: 'Since when they hold, e.g. 2026-01-02 or 2026-01-02T16:00Z; a day begins in UTC.',
          },
          rates: {
            type: 'object',
            minProperties: 1,
            propertyNames: { pattern: '^[A-Z]{3}$' },
            description: 'By currency: what one unit of it is in the base.',
            additionalProperties: { type: 'number', exclusiveMinimum: 0, description: 'One unit in the base currency.' },
          },
        },
        ['as_of', 'rates'],
      ),
    },
  },
  ['base', 'tables'],
);

/** Compiles what fits the schema. ConfigProblem for a time that is none, or is there twice. */
export function compileRates({ base, max_age, tables }: RatesYaml): Rates {
  const known = tables.map(({ as_of, rates }, index) => {
    const at = Date.parse(as_of);
    if (Number.isNaN(at)) throw new ConfigProblem([RATES, 'tables', index, 'as_of'], `expected a date, found "${as_of}"`);
    return { at, rates: new Map([...Object.entries(rates), [base, 1] as const]) };
  });
  const newestFirst = known.toSorted((one, other) => other.at - one.at);
  for (const [index, { at }] of known.entries())
    if (known.findIndex((other) => other.at === at) !== index)
      throw new ConfigProblem([RATES, 'tables', index, 'as_of'], 'expected a time of its own, another table has it');
  return {
    base,
    maxAgeMs: max_age === undefined ? undefined : parseDuration(max_age, [RATES, 'max_age']),
    convert: (amount, from, to, at) => {
      if (from === to) return amount;
      const table = newestFirst.find((each) => each.at <= at && each.rates.has(from) && each.rates.has(to))?.rates;
      return table === undefined ? undefined : Math.round((amount * (table.get(from) ?? 0)) / (table.get(to) ?? 1));
    },
    asOf: (at) => newestFirst.find((each) => each.at <= at)?.at,
  };
}

/** A proof that rests on rates too: as of when they hold, how old they are, and whether that is too old. */
export function withRates(proof: Proof, rates: Rates | undefined): Proof {
  if (rates === undefined) return proof;
  const asOf = proof.now === null ? undefined : rates.asOf(proof.now);
  const ageMs = asOf === undefined || proof.now === null ? null : proof.now - asOf;
  const status = ageMs === null ? 'unknown' : ageMs > (rates.maxAgeMs ?? Number.POSITIVE_INFINITY) ? 'stale' : 'fresh';
  const row: SourceProof = { source: RATES, watermark: null, asOf: asOf ?? null, ageMs, status, link: null };
  return { ...proof, sources: [...proof.sources, row] };
}
