import type { SegmentMessage } from '../../schemas/segment-message.ts';
import { membershipsAt, type OracleEvent } from './membership-oracle.ts';
import { at, identify, track, type Who } from './walk.ts';

/** Something that happens, and when it comes in; minutes from the start. */
export interface Happening {
  readonly person: string;
  readonly messageId: string;
  readonly minutes: number;
  readonly arrives: number;
  readonly who: Who;
  readonly event: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** A log-in, which tells the mail address: it and the ids of `who` are one person's. */
  readonly isLink: boolean;
}

export interface PeopleOptions {
  readonly people: number;
  /** Each logs in on every device within so many minutes. */
  readonly linkedWithin: number;
  readonly lasting: number;
  /** Longest time between happening and coming in, minutes. */
  readonly delay: number;
}

/** Anonymous ids of a person. */
export const devicesOf = (person: string): string[] => ['phone', 'laptop', 'tablet'].map((device) => `${person}-${device}`);
/** The address that a person tells. */
export const mailOf = (person: string): string => `${person}@shop.example`;

const prices = [3, 120, 260, 2600];

/** People of the example shop with an account, a mail address and three devices each, who fill carts, buy, and log in at some time. */
export function livesOf(random: () => number, { people, linkedWithin, lasting, delay }: PeopleOptions): Happening[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const lives: Omit<Happening, 'arrives' | 'messageId'>[] = [];
  for (let index = 0; index < people; index++) {
    const person = `person${index}`;
    const devices = devicesOf(person);
    const common = { person, isLink: false };
    for (const anonymousId of devices) {
      const minutes = minute(random() * linkedWithin);
      // Some give their mail address alone: the browser is linked to that, and that to the account.
      const who: Who = random() < 0.6 ? { userId: person, anonymousId } : { anonymousId };
      lives.push({ ...common, minutes, who, event: 'Identify', properties: {}, isLink: true });
    }
    const minutes = minute(random() * linkedWithin);
    lives.push({ ...common, minutes, who: { userId: person }, event: 'Identify', properties: {}, isLink: true });
    const count = 2 + Math.floor(random() * 7);
    for (let i = 0; i < count; i++) {
      const who: Who = pick([{ userId: person }, ...devices.map((anonymousId) => ({ anonymousId }))]);
      const minutes = minute(random() * lasting);
      const cart = { cart_id: `${person}-${pick(['c1', 'c2'])}` };
      const event = pick([
        'Product Added',
        'Product Added',
        'Product Added',
        'Product Removed',
        'Order Completed',
        'Order Refunded',
      ]);
      const price = pick(prices);
      const products = [{ sku: `s${price}`, price, quantity: 1 }];
      const properties = event.startsWith('Order')
        ? { ...(random() < 0.7 ? cart : {}), order_id: `${person}-o${i}`, total: price, products }
        : cart;
      lives.push({ ...common, minutes, who, event, properties });
    }
  }
  return lives
    .map((life, index) => ({ ...life, messageId: `m${index}`, arrives: life.minutes + minute(random() * delay) }))
    .sort((a, b) => a.arrives - b.arrives);
}

/** The call as the device sends it. */
export function callOf({ isLink, who, event, properties, messageId, minutes, person }: Happening): SegmentMessage {
  const more = { messageId, timestamp: new Date(at(minutes)).toISOString() };
  return isLink ? identify(who, { email: mailOf(person) }, more) : track(who, event, properties, more);
}

/** As the plain computation reads it. */
export function plain({ person, messageId, event, minutes, properties }: Happening): OracleEvent {
  return { customer: person, messageId, event, occurredAt: at(minutes), properties };
}

/** Names that an event goes by; a log-in tells the mail address as well. */
const namesOf = ({ who: { userId, anonymousId }, isLink, person }: Happening): string[] =>
  [userId, anonymousId, isLink ? mailOf(person) : undefined].flatMap((name) => name ?? []);

/**
 * Whether a segment was `held` at a moment by whoever goes by a name, by all that had happened by then. Which names were one
 * person's may have become known since: any state of knowledge from that moment on will do.
 */
export function wasSo(lives: readonly Happening[], name: string, moment: number, segment: string, held: boolean): boolean {
  const links = lives.filter(({ isLink }) => isLink);
  const past = lives.filter(({ minutes }) => at(minutes) <= moment);
  const known = links.filter(({ minutes }) => at(minutes) <= moment).length;
  const inTime = links.toSorted((a, b) => a.minutes - b.minutes);
  return Array.from({ length: links.length - known + 1 }).some((_, more) => {
    const names = linkedNames(inTime.slice(0, known + more), name);
    const own = past.filter((life) => namesOf(life).some((each) => names.has(each)));
    const members = membershipsAt(
      own.map((life) => ({ ...plain(life), customer: name })),
      moment,
    );
    return (members.get(name)?.includes(segment) ?? false) === held;
  });
}

function linkedNames(links: readonly Happening[], name: string): ReadonlySet<string> {
  const names = new Set([name]);
  for (let before = 0; before < names.size;) {
    before = names.size;
    for (const own of links.map(namesOf)) if (own.some((each) => names.has(each))) for (const each of own) names.add(each);
  }
  return names;
}

/** To whole milliseconds, so that times are what devices can say. */
function minute(minutes: number): number {
  return Math.round(minutes * 60_000) / 60_000;
}
