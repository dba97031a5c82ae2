import type { Context } from '../../../runtime/processor.ts';
import { hashId } from '../../../schemas/keys.ts';
import { topics } from '../../../schemas/topics.ts';
import type { Fits, Judgement, Link, Message, Verdict } from './messages.ts';
import type { Site } from './site.ts';

/** By other customer and block: what the block found. */
type Found = Readonly<Record<string, Readonly<Record<string, Verdict>>>>;
/** What became of a pair, told by the customer with the smaller id. */
interface Decided {
  readonly link: Link | null;
  /** Why somebody should look at it; null: nobody needs to. */
  readonly review: string | null;
  readonly bits: number;
}

const FOUND = 'q';
const FITS = 'f';
const TOLD_FITS = 'o';
const DECIDED = 'd';
const LINKS = 'l';

/** Who fits two customers about as well as each other, so many bits apart, is neither for certain, unless as sure as `SURE_BITS`. */
const CLOSE_BITS = 1;
const SURE_BITS = 8;

/** The part of a customer that holds what people said of it and others. */
export const JUDGED = 'j';

/** By the other customer. */
export type Judgements = Readonly<Record<string, Judgement>>;

/** What people said of this customer and others. Earlier versions kept no more than whether they are the same: anything said later counts. */
export function judgementsIn({ state }: Context): Judgements {
  const known = state.get<Readonly<Record<string, Judgement | boolean>>>(JUDGED) ?? {};
  const dated = ([other, judgement]: readonly [string, Judgement | boolean]): readonly [string, Judgement] => [
    other,
    typeof judgement === 'boolean' ? { same: judgement, at: 0 } : judgement,
  ];
  return Object.fromEntries(Object.entries(known).map(dated));
}

export function onPair(site: Site, { block, other, verdict }: Extract<Message, { kind: 'pair' }>): void {
  const found = foundBy(site);
  site.context.state.set<Found>(FOUND, { ...found, [other]: { ...found[other], [block]: verdict } });
  settle(site);
}

export function onUnpair(site: Site, { block, other }: Extract<Message, { kind: 'unpair' }>): void {
  const { [other]: of = {}, ...others } = foundBy(site);
  const { [block]: _, ...left } = of;
  site.context.state.set<Found>(FOUND, Object.keys(left).length > 0 ? { ...others, [other]: left } : others);
  settle(site);
}

export function onFits(site: Site, { other, fits }: Extract<Message, { kind: 'fits' }>): void {
  const { state } = site.context;
  state.set(FITS, { ...state.get<Record<string, Fits>>(FITS), [other]: fits });
  settle(site);
}

export function onLinked(site: Site, { other, link }: Extract<Message, { kind: 'linked' }>): void {
  const { state } = site.context;
  const { [other]: _, ...others } = state.get<Record<string, Link>>(LINKS) ?? {};
  const links: Readonly<Record<string, Link>> = link ? { ...others, [other]: link } : others;
  state.set(LINKS, links);
  const told = Object.entries(links).sort(([a], [b]) => (a < b ? -1 : 1));
  const value = told.map(([customer, { confidence, by }]) => ({ customer, confidence, by }));
  site.context.forward(topics.identityResembles, site.key, value.length > 0 ? { customer: site.key, others: value } : null);
}

/** Last words of a customer that ends: nobody resembles it any more. */
export function forget(site: Site): void {
  for (const [other, decided] of Object.entries(site.context.state.get<Record<string, Decided>>(DECIDED) ?? {}))
    tell(site, other, decided, undefined, undefined);
  for (const other of Object.keys(site.context.state.get<object>(LINKS) ?? {}))
    onLinked(site, { kind: 'linked', other, link: null });
}

/** What the pairs of a customer come to: a pure function of what blocks found, what others fit, and what people judged. */
export function settle(site: Site): void {
  const { state } = site.context;
  const verdicts = new Map(
    Object.entries(foundBy(site)).map(([other, by]) => [other, by[Object.keys(by).sort()[0] ?? '']] as const),
  );
  const fits = fitsAmong(verdicts, site);
  tellFits(site, fits);
  const theirs = state.get<Record<string, Fits>>(FITS) ?? {};
  const judged = judgementsIn(site.context);
  const before = state.get<Record<string, Decided>>(DECIDED) ?? {};
  const after: Record<string, Decided> = {};
  for (const [other, verdict] of verdicts) {
    if (!verdict || other < site.key) continue;
    const ofOther = theirs[other] ?? {};
    const isAmbiguous =
      verdict.bits < SURE_BITS &&
      (hasRival(fits, other, ofOther, verdict.bits) || hasRival(ofOther, site.key, fits, verdict.bits));
    const decided = decide(verdict, judged[other]?.same ?? undefined, isAmbiguous, site);
    if (decided) after[other] = decided;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  state.set(DECIDED, after);
  for (const other of new Set([...Object.keys(before), ...Object.keys(after)]))
    tell(site, other, before[other], after[other], verdicts.get(other));
}

/** Whether somebody besides `other` fits about as well, and does not fit `other` too. */
function hasRival(own: Fits, other: string, ofOther: Fits, bits: number): boolean {
  return Object.entries(own).some(
    ([rival, theirs]) => rival !== other && theirs > bits - CLOSE_BITS && ofOther[rival] === undefined,
  );
}

function decide(
  { bits, probability, tooMany }: Verdict,
  judged: boolean | undefined,
  isAmbiguous: boolean,
  { fuzzy }: Site,
): Decided | undefined {
  if (tooMany !== null || judged === false) return undefined;
  if (judged === true) return { link: { confidence: 1, by: 'judgement' }, review: null, bits };
  if (probability >= fuzzy.link && !isAmbiguous) return { link: { confidence: probability, by: 'likeness' }, review: null, bits };
  return { link: null, review: isAmbiguous && probability >= fuzzy.link ? 'it fits two customers' : 'it is likely only', bits };
}

function fitsAmong(verdicts: ReadonlyMap<string, Verdict | undefined>, { fuzzy }: Site): Fits {
  const good = [...verdicts].filter(([, verdict]) => verdict && verdict.tooMany === null && verdict.probability >= fuzzy.link);
  return Object.fromEntries(
    good.map(([other, verdict]) => [other, verdict?.bits ?? 0] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Those with smaller ids decide, and so have to know who else fits. */
function tellFits(site: Site, fits: Fits): void {
  const { state } = site.context;
  if (JSON.stringify(state.get<Fits>(TOLD_FITS) ?? {}) === JSON.stringify(fits)) return;
  state.set<Fits>(TOLD_FITS, fits);
  for (const other of Object.keys(fits)) if (other < site.key) site.send(other, { kind: 'fits', other: site.key, fits });
}

function tell(site: Site, other: string, was: Decided | undefined, is: Decided | undefined, verdict: Verdict | undefined): void {
  const { context, key } = site;
  if (JSON.stringify(was?.link ?? null) !== JSON.stringify(is?.link ?? null)) {
    context.count('links', { outcome: is?.link ? 'linked' : 'withdrawn' });
    site.send(other, { kind: 'linked', other: key, link: is?.link ?? null });
    onLinked(site, { kind: 'linked', other, link: is?.link ?? null });
  }
  const id = `r_${hashId('pair', key, other)}`;
  if (is && is.review !== null && verdict) {
    const { probability, bits, evidence } = verdict;
    context.forward(topics.identityReview, id, { id, customer: key, other, probability, bits, reason: is.review, evidence });
  } else if (was && was.review !== null) context.forward(topics.identityReview, id, null);
}

function foundBy({ context }: Site): Found {
  return context.state.get<Found>(FOUND) ?? {};
}
