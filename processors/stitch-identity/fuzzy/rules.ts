import { ConfigProblem, type JsonSchema } from '../../../schemas/config.ts';
import { defaultFuzzy, type FuzzyRules } from './match.ts';
import { nicknamesOf } from './nicknames.ts';
import type { PersonText } from './person.ts';
import { defaultWeights, type Weights } from './weights.ts';

/** A part of a record of a person, but its papers. */
export type PersonField = Exclude<keyof PersonText, 'papers'>;

/** Where the parts lie in the traits of an event, as paths; of several the first that has a value counts. */
export interface FuzzyFields {
  readonly parts: Readonly<Record<PersonField, readonly string[]>>;
  /** Numbers of documents, by kind. */
  readonly papers: ReadonlyMap<string, readonly string[]>;
}

/** The fuzzy step as a workspace has it. */
export interface FuzzyConfig extends FuzzyRules {
  readonly fields: FuzzyFields;
}

const defaultParts: FuzzyFields['parts'] = {
  given: ['firstName', 'first_name'],
  family: ['lastName', 'last_name'],
  name: ['name'],
  organisation: [],
  employer: ['company.name'],
  birth: ['birthday', 'dateOfBirth', 'date_of_birth'],
  number: [],
  street: ['address.street'],
  city: ['address.city'],
  postcode: ['address.postalCode', 'address.postal_code'],
  phone: ['phone'],
  email: ['email'],
};

const path: JsonSchema = { type: 'string', minLength: 1, description: 'A path in the traits, as address.street.' };
const paths: JsonSchema = { type: 'array', items: path, description: 'Paths; the first that has a value counts.' };
const odds = (what: string): JsonSchema => ({ type: 'number', minimum: 0, maximum: 1, description: what });

/** JSON Schema of the part `fuzzy` of `identity.yaml`. */
export const fuzzySchema: JsonSchema = {
  type: 'object',
  description: 'Customers who share no identifier but look alike. Without this part there is no such step.',
  additionalProperties: false,
  properties: {
    link: odds('From this probability on two are one; 0.95 when left out.'),
    review: odds('From this probability on somebody should look at them; 0.5 when left out.'),
    people: { type: 'integer', minimum: 2, description: 'About how many customers there are; 10,000 when left out.' },
    household: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Odds that two records of one household are of one person, all else unknown; 0.5, one to two, when left out.',
    },
    max_block: {
      type: 'integer',
      minimum: 2,
      description: 'What more customers than this have in common is no reason to compare them; 100 when left out.',
    },
    fields: {
      type: 'object',
      description: 'Where the parts of a person lie in the traits; those of the Segment specification when left out.',
      additionalProperties: false,
      properties: Object.fromEntries(Object.keys(defaultParts).map((name) => [name, paths])),
    },
    papers: {
      type: 'object',
      description: 'Where numbers of documents lie in the traits, by kind: a person has one of each.',
      additionalProperties: paths,
    },
    nicknames: {
      type: 'array',
      items: {
        type: 'array',
        items: { type: 'string', minLength: 1, description: 'A name.' },
        description: 'The long form first.',
      },
      description: 'Given names and their short forms, besides the common English ones.',
    },
    weights: {
      type: 'object',
      description: 'Bits of evidence by field and outcome, in place of those that hold otherwise.',
      additionalProperties: false,
      properties: Object.fromEntries(
        Object.entries(defaultWeights).map(([field, levels]) => [
          field,
          {
            type: 'object',
            description: 'By outcome.',
            additionalProperties: false,
            properties: Object.fromEntries(
              Object.keys(levels).map((level) => [level, { type: 'number', minimum: -30, maximum: 30, description: 'Bits.' }]),
            ),
          } satisfies JsonSchema,
        ]),
      ),
    },
  },
};

/** What `fuzzySchema` describes. */
export interface FuzzyDocument {
  readonly link?: number;
  readonly review?: number;
  readonly people?: number;
  readonly household?: number;
  readonly max_block?: number;
  readonly fields?: Partial<Record<PersonField, readonly string[]>>;
  readonly papers?: Readonly<Record<string, readonly string[]>>;
  readonly nicknames?: readonly (readonly string[])[];
  readonly weights?: Partial<Record<keyof Weights, Readonly<Record<string, number>>>>;
}

/** Compiles the part `fuzzy`; undefined: there is no such step. ConfigProblem names the field that does not fit. */
export function compileFuzzy(document: FuzzyDocument | undefined): FuzzyConfig | undefined {
  if (document === undefined) return undefined;
  const { link = defaultFuzzy.link, review = Math.min(link, defaultFuzzy.review), nicknames = [], weights = {} } = document;
  if (review > link) throw new ConfigProblem(['fuzzy', 'review'], `expected at most ${link}, from which on they are linked`);
  const field = ([name, levels]: [string, Weights[keyof Weights]]): [string, Weights[keyof Weights]] => {
    const given = weights[name as keyof Weights] ?? {};
    return [
      name,
      Object.fromEntries(Object.entries(levels).map(([level, each]) => [level, { ...each, bits: given[level] ?? each.bits }])),
    ];
  };
  return {
    link,
    review,
    people: document.people ?? defaultFuzzy.people,
    household: document.household ?? defaultFuzzy.household,
    maxBlock: document.max_block ?? defaultFuzzy.maxBlock,
    weights: Object.fromEntries(Object.entries(defaultWeights).map(field)) as Weights,
    nicknames: nicknamesOf(nicknames.map((group) => group.map((name) => name.toLowerCase()))),
    fields: { parts: { ...defaultParts, ...document.fields }, papers: new Map(Object.entries(document.papers ?? {})) },
  };
}
