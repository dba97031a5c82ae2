import type { Outcome } from './outcome.ts';
import { type Happening, kindOf } from './people.ts';
import { type Reference, segments } from './reference.ts';

export interface Verdict {
  readonly customers: number;
  readonly merges: number;
  /** By segment: members as they were published, and as the reference says. */
  readonly members: Readonly<Record<string, readonly [found: number, expected: number]>>;
  /** Each with what is wrong; empty: it is as the reference says. */
  readonly wrong: readonly string[];
}

/** Holds what came out against the reference. */
export function judge(happenings: readonly Happening[], reference: Reference, outcome: Outcome): Verdict {
  const wrong: string[] = [...outcome.wrong];
  for (const [customer, left] of outcome.unsealed) wrong.push(`${left} seals of ${customer} are missing`);
  const customerOf = new Map<string, string>();
  const ownerOf = new Map<string, string>();
  /** One customer for an owner, and one owner for a customer. */
  const agree = (what: string, owner: string, customer: string): void => {
    const [known, other] = [customerOf.get(owner) ?? customer, ownerOf.get(customer) ?? owner];
    if (known !== customer) wrong.push(`${what}: ${customer}, but others of ${owner} are ${known}`);
    if (other !== owner) wrong.push(`${what}: of ${owner}, but others of ${customer} are of ${other}`);
    customerOf.set(owner, customer);
    ownerOf.set(customer, owner);
  };
  const eventsOf = new Map<string, Happening[]>();
  for (const [name, owner] of reference.ownerOf) {
    const label = outcome.events.get(`call ${name}`);
    if (label === undefined) wrong.push(`${name} was called and did not come out`);
    else agree(name, owner, outcome.survivor(label));
  }
  for (const happening of happenings) {
    const [name = ''] = happening.names;
    const label = outcome.events.get(happening.id);
    if (label === undefined) {
      wrong.push(`${happening.id} is lost`);
      continue;
    }
    const customer = outcome.survivor(label);
    // What a device or a disputed address did before goes where it went when it came in.
    const isSure = !reference.contested.has(name) || kindOf(name) === 'user_id';
    if (isSure) agree(happening.id, reference.ownerOf.get(name) ?? '', customer);
    eventsOf.set(customer, [...(eventsOf.get(customer) ?? []), happening]);
  }
  const members: Record<string, readonly [number, number]> = {};
  for (const [segment, holds] of Object.entries(segments)) {
    const found = outcome.members.get(segment) ?? new Set<string>();
    const expected = new Set([...eventsOf].flatMap(([customer, own]) => (holds(own) ? [customer] : [])));
    for (const customer of expected) if (!found.has(customer)) wrong.push(`${customer} is missing in ${segment}`);
    for (const customer of found) if (!expected.has(customer)) wrong.push(`${customer} should not be in ${segment}`);
    members[segment] = [found.size, expected.size];
  }
  return { customers: customerOf.size, merges: outcome.mergedInto.size, members, wrong };
}
