import { type Groups, group } from '../processors/stitch-identity/fuzzy/group.ts';
import { pairsOf } from '../processors/stitch-identity/fuzzy/match.ts';
import { type Person, personOf, type PersonText } from '../processors/stitch-identity/fuzzy/person.ts';
import type { FuzzyConfig } from '../processors/stitch-identity/fuzzy/rules.ts';
import { textOfTraits } from '../processors/stitch-identity/fuzzy/traits.ts';
import { type IdentityRules, ruleOf } from '../processors/stitch-identity/identity.ts';
import type { FoundCustomer } from './identity-simulate.ts';

/** What events say of each customer, the last of each part. */
export class Portraits {
  readonly #fuzzy: FuzzyConfig;
  readonly #texts = new Map<string, { at: number; text: PersonText }[]>();

  constructor(fuzzy: FuzzyConfig) {
    this.#fuzzy = fuzzy;
  }

  /** `traits`: a JSON object. `customer` may have merged into another later. */
  add(customer: string, at: number, traits: string): void {
    const text = textOfTraits(traits, this.#fuzzy.fields);
    if (text === null) return;
    this.#texts.set(customer, [...(this.#texts.get(customer) ?? []), { at, text }]);
  }

  /** One record for each customer that events say anything of. */
  people(survivorOf: (customer: string) => string): ReadonlyMap<string, Person> {
    const texts = new Map<string, { at: number; text: PersonText }[]>();
    for (const [customer, own] of this.#texts) {
      const survivor = survivorOf(customer);
      texts.set(survivor, [...(texts.get(survivor) ?? []), ...own]);
    }
    const whole = (own: { at: number; text: PersonText }[]): PersonText =>
      own
        .sort((a, b) => a.at - b.at)
        .reduce<PersonText>((sum, { text }) => ({ ...sum, ...text, papers: { ...sum.papers, ...text.papers } }), {});
    return new Map([...texts].map(([customer, own]) => [customer, personOf(whole(own))]));
  }
}

/** What the fuzzy step would make of the customers of a simulation; a customer has no more identifiers of a kind than the rules allow. */
export function fuzzyGroups(
  people: ReadonlyMap<string, Person>,
  customers: ReadonlyMap<string, FoundCustomer>,
  rules: IdentityRules,
  fuzzy: FuzzyConfig,
): Groups {
  const kindsOf = (ids: readonly string[]): readonly string[] =>
    [...new Set(ids.flatMap((id) => customers.get(id)?.identifiers ?? []))].map((name) => name.slice(0, name.indexOf(':')));
  const limit = (a: readonly string[], b: readonly string[]): string | undefined => {
    for (const [kind, own] of Map.groupBy(kindsOf([...a, ...b]), (each) => each)) {
      const { limit: most, withinMs } = ruleOf(rules, kind);
      if (most !== null && withinMs === null && own.length > most)
        return `one customer would have too many identifiers of the kind ${kind}`;
    }
    return undefined;
  };
  return group(people, pairsOf(people, fuzzy), fuzzy, limit);
}
