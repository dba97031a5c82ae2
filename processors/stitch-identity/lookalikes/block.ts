import { blocksOf } from '../fuzzy/blocking.ts';
import { judge } from '../fuzzy/match.ts';
import { type Person, personOf } from '../fuzzy/person.ts';
import { opaqueKey } from '../../../schemas/keys.ts';
import type { Message, Verdict } from './messages.ts';
import type { Site } from './site.ts';
import { type Standing, tooMany } from './portrait.ts';

const MEMBER = 'm';
const PAIRS = 'k';
const VOID = 'v';

/** By customer and customer, the smaller first: what both were told last. */
type Told = Readonly<Record<string, Verdict>>;

const people = new WeakMap<Standing, Person>();

/** As it is compared; read once for each standing. */
export function personIn(standing: Standing): Person {
  const known = people.get(standing) ?? personOf(standing.text);
  people.set(standing, known);
  return known;
}

/** Keys of the blocks of a customer. Keyed by the secret, since blocks are made of personal data. */
export function blockKeys(standing: Standing, secret: string): readonly string[] {
  return blocksOf(personIn(standing))
    .map((block) => `b_${opaqueKey(secret, 'block', block)}`)
    .sort();
}

/**
 * A customer comes to a block, or has changed: it is compared with all who are there. More than `max_block` have nothing in common
 * but a common name: the block is void from then on, and says so.
 */
export function onStands(site: Site, { customer, standing }: Extract<Message, { kind: 'stands' }>): void {
  const { context, fuzzy, rules } = site;
  const { state } = context;
  if (state.get(VOID) !== undefined) return;
  const others = membersOf(site).filter((other) => other !== customer);
  if (others.length >= fuzzy.maxBlock) return close(site, others, customer);
  state.set(MEMBER + customer, standing);
  const told: Record<string, Verdict> = { ...state.get<Told>(PAIRS) };
  let isNews = false;
  for (const other of others) {
    const theirs = state.get<Standing>(MEMBER + other);
    if (!theirs) continue;
    const id = pairOf(customer, other);
    const found = verdictOn(standing, theirs, site);
    const isPair = found.probability >= fuzzy.review;
    if (isPair ? sameVerdict(told[id], found) : told[id] === undefined) continue;
    isNews = true;
    if (isPair) told[id] = found;
    else delete told[id];
    tellBoth(site, customer, other, isPair ? found : null);
  }
  if (isNews) state.set<Told>(PAIRS, told);

  function verdictOn(a: Standing, b: Standing, { fuzzy: how }: Site): Verdict {
    const { bits, probability, reasons } = judge(personIn(a), personIn(b), how);
    return { bits, probability, tooMany: tooMany(a, b, rules), evidence: reasons };
  }
}

export function onLeaves(site: Site, customer: string): void {
  const { state } = site.context;
  if (state.get(VOID) !== undefined) return;
  state.delete(MEMBER + customer);
  const told = state.get<Told>(PAIRS) ?? {};
  const gone = Object.keys(told).filter((id) => id.split(' ').includes(customer));
  if (gone.length === 0) return;
  for (const id of gone) tellBoth(site, ...endsOf(id), null);
  state.set<Told>(PAIRS, Object.fromEntries(Object.entries(told).filter(([id]) => !gone.includes(id))));
}

function close(site: Site, members: readonly string[], last: string): void {
  const { state } = site.context;
  for (const id of Object.keys(state.get<Told>(PAIRS) ?? {})) tellBoth(site, ...endsOf(id), null);
  for (const member of members) state.delete(MEMBER + member);
  state.delete(MEMBER + last);
  state.delete(PAIRS);
  state.set(VOID, 1);
  site.context.count('blocks', { outcome: 'void' });
  site.reportVoid(last, members.length + 1);
}

function membersOf({ context }: Site): readonly string[] {
  return context.state
    .parts()
    .filter((part) => part.startsWith(MEMBER))
    .map((part) => part.slice(MEMBER.length));
}

function tellBoth(site: Site, a: string, b: string, verdict: Verdict | null): void {
  for (const [to, other] of [
    [a, b],
    [b, a],
  ] as const)
    site.send(to, verdict ? { kind: 'pair', block: site.key, other, verdict } : { kind: 'unpair', block: site.key, other });
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function endsOf(id: string): [string, string] {
  const [a = '', b = ''] = id.split(' ');
  return [a, b];
}

function sameVerdict(a: Verdict | undefined, b: Verdict): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
