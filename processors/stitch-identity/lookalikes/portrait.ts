import type { TaggedEvent } from '../../../schemas/generated/types.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import type { PersonText } from '../fuzzy/person.ts';
import type { FuzzyConfig } from '../fuzzy/rules.ts';
import { textOfTraits } from '../fuzzy/traits.ts';
import { type IdentityRules, ruleOf } from '../identity.ts';

/** The last that was said of a part of a person, by event time. */
interface Said {
  readonly at: number;
  /** Its message decides between equal times. */
  readonly by: string;
  readonly text: string;
}

/** What is known of a customer: the same in every order of events. Holds personal data. */
export interface Portrait {
  /** By part of a person; numbers of documents as `papers.<kind>`. */
  readonly said: Readonly<Record<string, Said>>;
  /** Of kinds with a limit: opaque keys of identifiers, sorted, as many as tell that the limit is reached. */
  readonly identifiers: Readonly<Record<string, readonly string[]>>;
}

/** A customer as blocks compare it. */
export interface Standing {
  readonly text: PersonText;
  readonly identifiers: Portrait['identifiers'];
}

export const nothingKnown: Portrait = { said: {}, identifiers: {} };

/** With what an event says; the same object when that is nothing new. */
export function withEvent(
  known: Portrait,
  event: TaggedEvent,
  fuzzy: FuzzyConfig,
  rules: IdentityRules,
  secret: string,
): Portrait {
  const text = event.type === 'group' ? null : textOfTraits(event.traits, fuzzy.fields);
  const said: Record<string, Said> = {};
  const say = (part: string, value: string): void =>
    void (said[part] = { at: event.occurredAt, by: event.messageId, text: value });
  const { papers = {}, ...parts } = text ?? {};
  for (const [part, value] of Object.entries(parts)) say(part, value);
  for (const [kind, value] of Object.entries(papers)) say(`papers.${kind}`, value);
  const identifiers: Record<string, readonly string[]> = {};
  for (const { kind, value } of event.identifiers)
    if (isLimited(rules, kind)) identifiers[kind] = [...(identifiers[kind] ?? []), opaqueKey(secret, kind, value)];
  return united(known, { said, identifiers }, rules);
}

/** Both as one; `known` itself when the other adds nothing. */
export function united(known: Portrait, other: Portrait, rules: IdentityRules): Portrait {
  const said = { ...known.said };
  const identifiers = { ...known.identifiers };
  let isNews = false;
  for (const [part, theirs] of Object.entries(other.said)) {
    const ours = said[part];
    if (ours && (ours.at > theirs.at || (ours.at === theirs.at && ours.by >= theirs.by))) continue;
    said[part] = theirs;
    isNews = true;
  }
  for (const [kind, theirs] of Object.entries(other.identifiers)) {
    const ours = identifiers[kind] ?? [];
    const most = (ruleOf(rules, kind).limit ?? 0) + 1;
    const both = [...new Set([...ours, ...theirs])].sort().slice(0, most);
    if (both.join() === ours.join()) continue;
    identifiers[kind] = both;
    isNews = true;
  }
  return isNews ? { said, identifiers } : known;
}

export function standingOf({ said, identifiers }: Portrait): Standing {
  const texts = Object.entries(said).map(([part, { text }]) => [part, text] as const);
  const papers = texts.filter(([part]) => part.startsWith('papers.')).map(([part, text]) => [part.slice('papers.'.length), text]);
  const parts = texts.filter(([part]) => !part.startsWith('papers.'));
  return { text: { ...Object.fromEntries(parts), papers: Object.fromEntries(papers) as Record<string, string> }, identifiers };
}

/** The kind of which both together would have too many. */
export function tooMany(a: Standing, b: Standing, rules: IdentityRules): string | null {
  for (const [kind, ours] of Object.entries(a.identifiers)) {
    const { limit } = ruleOf(rules, kind);
    if (limit !== null && new Set([...ours, ...(b.identifiers[kind] ?? [])]).size > limit && b.identifiers[kind]) return kind;
  }
  return null;
}

function isLimited(rules: IdentityRules, kind: string): boolean {
  const { limit, withinMs } = ruleOf(rules, kind);
  return limit !== null && withinMs === null;
}
