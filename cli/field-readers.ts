import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../schemas/segment-message.ts';
import type { Workspace } from '../workspace/load.ts';
import { type Reader, wordsOf } from './field-users.ts';

type Document = Readonly<Record<string, unknown>>;

/** Fields that a segment reads without naming them, where such a word stands in its rule. */
const implied: Readonly<Record<string, readonly string[]>> = {
  value: ['currency'],
  in_stock: ['as_of'],
  place: ['latitude', 'longitude'],
};

/** What a document of each kind asks for; what a segment's own tests say is not asked for. */
const asked: Readonly<Record<'segment' | 'activation' | 'source', (document: Document) => unknown>> = {
  segment: ({ when }) => {
    const words = wordsOf(when);
    return [...words, ...Object.entries(implied).flatMap(([word, fields]) => (words.has(word) ? fields : []))];
  },
  activation: ({ data, address, when, wait }) => [data, address, when, isJsonObject(wait) ? wait['for'] : null],
  source: ({ table, enrich }) => [table, isJsonObject(enrich) ? enrich['key'] : null],
};

/** Everything of a workspace that asks for facts, by name; of identity and fraud also what they ask for without a file. */
export async function readersOf({ declared, templates, templatesDir, identity, fraud }: Workspace): Promise<readonly Reader[]> {
  const documents = declared.filter(isJsonObject).flatMap((document): Reader[] =>
    Object.entries(asked).flatMap(([kind, of]) => {
      const name = document[kind];
      return typeof name === 'string' ? [{ name: `${kind} ${name}`, words: wordsOf(of(document)) }] : [];
    }),
  );
  const texts = templates.map(async (name): Promise<Reader> => {
    const text = await readFile(join(templatesDir, `${name}.mjml`), 'utf8').catch(() =>
      readFile(join(templatesDir, `${name}.liquid`), 'utf8'),
    );
    const variables = [...text.matchAll(/\{[{%]([^}]*)[}%]\}/g)].map(([, inside]) => inside);
    return { name: `template ${name}`, words: wordsOf(variables) };
  });
  const { parts = {}, papers = new Map<string, readonly string[]>() } = identity.fuzzy?.fields ?? {};
  const likeness = [...Object.values(parts), ...papers.values()];
  const all = [
    ...documents,
    ...(await Promise.all(texts)),
    { name: 'look-alikes', words: wordsOf(likeness) },
    { name: 'fraud', words: wordsOf([fraud.addressTrait, fraud.deviceKinds]) },
  ];
  return all.filter(({ words }) => words.size > 0);
}

/** Kinds of identifiers that the workspace knows: a field of such a name may tell a customer. */
export function kindsOf({ sources, identity, fraud }: Workspace): ReadonlySet<string> {
  const ofRules = sources.flatMap(({ transform }) => (transform ?? []).flatMap((rule) => Object.keys(rule.identifiers)));
  const usual = ['email', 'phone', 'user_id', 'anonymous_id', 'device_id', 'id'];
  return new Set([...ofRules, ...usual, ...identity.kinds.keys(), ...fraud.deviceKinds]);
}
