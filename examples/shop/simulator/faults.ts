import { seededRandom, type Random } from './random.ts';
import { toMessage, type ShopEvent } from './shop-event.ts';
import { TimeQueue } from './time-queue.ts';

/** What goes wrong between a visitor and us. */
export const faultKinds = ['duplicate', 'out-of-order', 'late', 'broken', 'future'] as const;
export type Fault = (typeof faultKinds)[number];

/** Shares of the events of visitors, 0 to 1. */
export type FaultShares = Readonly<Record<Fault, number>>;

export const usualFaults: FaultShares = { duplicate: 0.02, 'out-of-order': 0.03, late: 0.01, broken: 0.003, future: 0.001 };

/** What is sent at a time: a call, or bytes that are none. */
export interface Delivery {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly event: ShopEvent;
  readonly fault: Fault | undefined;
  /** Body of a request to `/v1/track` that has to be refused; the event itself is not sent. */
  readonly body: string | undefined;
}

/** How long a late one is held back, milliseconds; one out of order comes behind some that happened later. */
export const lateness = { late: [301_000, 480_000], 'out-of-order': [500, 3500], duplicate: [20, 5000] } as const;
/** How far ahead the clock of a device may be, milliseconds. */
const ahead = [10 * 60_000, 20 * 3_600_000] as const;

/**
 * Deliveries in the order of time: every event at least once, and beside the events broken ones. An event has at most one fault.
 * Feeds of the shop itself have none.
 */
export function* withFaults(
  events: Iterable<ShopEvent>,
  seed: number,
  shares: FaultShares = usualFaults,
  isVisitors: (event: ShopEvent) => boolean = ({ source }) => source === 'shop',
): Generator<Delivery, void> {
  const random = seededRandom('faults', seed);
  const waiting = new TimeQueue<Delivery>();
  const send = (event: ShopEvent, fault: Fault | undefined, delay = 0, body?: string): void => {
    const at = Math.round(event.at + delay);
    waiting.push(at, { at, event, fault, body });
  };
  const due = function* (until: number): Generator<Delivery, void> {
    while (waiting.size > 0 && waiting.nextAt <= until) {
      const next = waiting.pop();
      if (next !== undefined) yield next;
    }
  };
  for (const event of events) {
    const fault = isVisitors(event) ? faultOf(shares, random) : undefined;
    switch (fault) {
      case 'late':
      case 'out-of-order':
        send(event, fault, between(lateness[fault], random));
        break;
      case 'duplicate':
        send(event, undefined);
        send(event, fault, between(lateness.duplicate, random));
        break;
      case 'broken':
        send(event, undefined);
        send(event, fault, 0, breakMessage(event, random));
        break;
      case 'future':
        send({ ...event, occurredAt: Math.round(event.at + between(ahead, random)) }, fault);
        break;
      case undefined:
        send(event, undefined);
    }
    yield* due(event.at);
  }
  yield* due(Number.POSITIVE_INFINITY);
}

function between([least, most]: readonly [number, number], random: Random): number {
  return random.between(least, most);
}

function faultOf(shares: FaultShares, random: Random): Fault | undefined {
  let rest = random.next();
  for (const fault of faultKinds) if ((rest -= shares[fault]) < 0) return fault;
  return undefined;
}

/** A body that no gateway may take: of each kind of mistake that programs make. */
function breakMessage(event: ShopEvent, random: Random): string {
  const whole = { ...toMessage(event), messageId: `${event.messageId}-broken` };
  // Without an address either: it would name somebody.
  const { type, userId, anonymousId, traits: _, ...nobody } = whole as Record<string, unknown>;
  return random.pick([
    () => JSON.stringify(whole).slice(0, -10),
    () => JSON.stringify({ ...nobody, type }),
    () => JSON.stringify({ ...nobody, type: 'track', userId: userId ?? anonymousId, event: '' }),
    () => JSON.stringify({ ...whole, timestamp: 'yesterday' }),
    () => JSON.stringify({ ...whole, type: 'track', event: 'Order Completed', properties: 'none' }),
    () => JSON.stringify({ ...whole, type: 'purchase' }),
  ])();
}
