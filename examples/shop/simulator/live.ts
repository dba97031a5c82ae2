import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { deliveries, type DeliveriesOptions } from './deliveries.ts';
import { type Delivery, type Fault } from './faults.ts';
import { openSender, type Outcome, type SenderOptions } from './sender.ts';
import { feedOf } from './shop-event.ts';
import { Troubles } from './troubles.ts';

export interface LiveOptions extends SenderOptions, Omit<DeliveriesOptions, 'start' | 'countFails'> {
  /** What goes wrong with its feeds, which may change meanwhile. */
  readonly troubles?: Troubles;
  /** Until then only the till is there. */
  readonly opened?: Promise<void>;
  /** Ends the shop within a second or two. */
  readonly signal: AbortSignal;
  /** Calls that may wait for their answer at a time; more are not made. 500 when left out. */
  readonly maxInFlight?: number;
  readonly onStatus?: (status: LiveStatus) => void;
  /** Milliseconds; 5,000 when left out. */
  readonly statusEvery?: number;
}

/** Counts since the start; a call that is sent again counts once. */
export interface LiveStatus {
  /** Calls made, broken ones included. */
  readonly sent: number;
  readonly acknowledged: number;
  /** Refused by the gateway: the broken ones, and nothing else if all is well. */
  readonly refused: number;
  /** Attempts that nobody answered. */
  readonly unanswered: number;
  readonly inFlight: number;
  /** Acknowledged calls a second, since the status before. */
  readonly rate: number;
  /** How far the shop is behind the clock, milliseconds. */
  readonly behind: number;
  /** Calls with a fault, by kind. */
  readonly faults: Readonly<Record<Fault, number>>;
}

/** Further behind than this, nothing is made up for: the shop opens anew, with the same customers. Milliseconds. */
const forgetAfter = 20_000;
const retryAfter = 1000;
const tillEvery = 2000;
const lastFlush = 1000;

/**
 * Lets the shop live in real time until the signal. What the gateway does not answer is sent again until it does; meanwhile at most
 * `maxInFlight` calls wait, and the shop stands still.
 */
export async function runLive(options: LiveOptions): Promise<LiveStatus> {
  const { signal, maxInFlight = 500, onStatus = () => {}, statusEvery = 5000, troubles = new Troubles() } = options;
  setMaxListeners(0, signal);
  const sender = openSender(options);
  const faults: Record<Fault, number> = { duplicate: 0, 'out-of-order': 0, late: 0, broken: 0, future: 0 };
  const count = { sent: 0, acknowledged: 0, refused: 0, unanswered: 0 };
  const load = { inFlight: 0, behind: 0 };
  let roomMade = (): void => {};

  const attempt = (delivery: Delivery): Promise<Outcome> => {
    const { event, body } = delivery;
    return body === undefined ? sender.send(event) : sender.post(event.source, body);
  };
  const deliver = async (delivery: Delivery): Promise<void> => {
    load.inFlight += 1;
    count.sent += 1;
    if (delivery.fault !== undefined) faults[delivery.fault] += 1;
    if (troubles.has('orders') && feedOf(delivery.event) === 'orders') await troubles.over('orders', signal);
    for (let outcome = await attempt(delivery); ; outcome = await attempt(delivery)) {
      if (outcome !== 'undelivered') {
        count[outcome] += 1;
        break;
      }
      count.unanswered += 1;
      if (!(await sleep(retryAfter, signal))) break;
    }
    load.inFlight -= 1;
    roomMade();
  };
  const room = (): Promise<unknown> =>
    Promise.race([new Promise<void>((resolve) => (roomMade = resolve)), sleep(retryAfter, signal)]);

  let before = { at: Date.now(), acknowledged: 0 };
  const status = (): LiveStatus => {
    const seconds = Math.max(1, Date.now() - before.at) / 1000;
    const rate = Math.round((count.acknowledged - before.acknowledged) / seconds);
    return { ...count, ...load, rate, faults: { ...faults } };
  };
  const reporting = setInterval(() => {
    onStatus(status());
    before = { at: Date.now(), acknowledged: count.acknowledged };
  }, statusEvery);

  // After what had waited: then nothing older is to come.
  const till = setInterval(() => {
    if (!troubles.has('orders')) void sender.tillIsOpen(Date.now());
  }, tillEvery);

  const openShop = async (): Promise<void> => {
    for (const delivery of deliveries({ ...options, start: Date.now(), countFails: () => troubles.has('stock') })) {
      while (load.inFlight >= maxInFlight && !signal.aborted) await room();
      const behind = Date.now() - delivery.at;
      load.behind = Math.max(0, behind);
      if (behind < 0) await sleep(-behind, signal);
      if (signal.aborted || behind > forgetAfter) return;
      void deliver(delivery);
    }
  };

  try {
    const ended = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await Promise.race([options.opened, signal.aborted ? undefined : ended]);
    while (!signal.aborted) await openShop();
  } finally {
    clearInterval(reporting);
    clearInterval(till);
    await sender.close(lastFlush);
  }
  return status();
}

/** Whether the time has passed; false: the signal came. */
async function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal }).catch(() => false);
}
