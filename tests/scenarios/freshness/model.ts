import { type Input, minutesOf, type Script } from './script.ts';

/** What becomes of a message at a minute. `sent`: at once. */
export interface Decision {
  readonly at: number;
  readonly who: string;
  readonly activation: string;
  readonly kind: 'sent' | 'held' | 'released' | 'expired' | 'outdated';
}

export interface Expected {
  readonly decisions: readonly Decision[];
  /** Carts that were ordered in time, and those of them whose order came in only after the wait. */
  readonly inTime: ReadonlySet<string>;
  readonly inTimeButLate: ReadonlySet<string>;
}

interface Waiting {
  readonly who: string;
  readonly activation: string;
  readonly expiresAt: number;
}

const minute = 60_000;
const wait = 30;
const enough = 10;
const day = 1440;
/** What the files of the workspace say: in minutes. */
const demands = {
  'back-in-stock-mail': { stock: day, validFor: 720 },
  'price-drop-mail': { stock: day, prices: 120, validFor: 360 },
} as const;
const never = Number.NEGATIVE_INFINITY;

/** What must come of a script, from the script alone: plain loops over its minutes, and nothing of the pipeline. */
export function expectedOf(script: Script): Expected {
  const decisions: Decision[] = [];
  const quantity = new Map<string, number>();
  const drop = new Map<string, number>();
  const members = { 'back-in-stock-mail': new Set<string>(), 'price-drop-mail': new Set<string>() };
  let waiting: Waiting[] = [];
  let ended: { asOf: number; at: number }[] = [];
  let told: { asOf: number; at: number }[] = [];
  let stock = never;
  let prices = never;

  const isStale = (activation: string, now: number): boolean => {
    if (activation === 'back-in-stock-mail') return now - stock > demands[activation].stock;
    return now - stock > demands['price-drop-mail'].stock || now - prices > demands['price-drop-mail'].prices;
  };
  const clocksMove = (now: number): void => {
    // An end counts five seconds later, a price feed when it has been quiet for a minute; brokers' time stops short of now.
    stock = Math.max(stock, ...ended.filter(({ at }) => at * minute < now * minute - 5001).map(({ asOf }) => asOf));
    prices = Math.max(prices, ...told.filter(({ at }) => at * minute < now * minute - minute - 1).map(({ asOf }) => asOf));
  };
  const judgeAgain = (now: number): void => {
    waiting = waiting.filter((each) => {
      const kind = now >= each.expiresAt ? 'expired' : isStale(each.activation, now) ? undefined : 'released';
      if (kind) decisions.push({ at: now, who: each.who, activation: each.activation, kind });
      return kind === undefined;
    });
  };
  const memberships = (who: string, now: number): void => {
    const there = (quantity.get(who) ?? 0) >= enough;
    const holds = { 'back-in-stock-mail': there, 'price-drop-mail': there && (drop.get(who) ?? 0) >= 10 };
    for (const activation of ['back-in-stock-mail', 'price-drop-mail'] as const) {
      const before = members[activation].has(who);
      if (before === holds[activation]) continue;
      if (before) {
        members[activation].delete(who);
        const gone = waiting.filter((each) => each.who === who && each.activation === activation);
        decisions.push(...gone.map((): Decision => ({ at: now, who, activation, kind: 'outdated' })));
        waiting = waiting.filter((each) => !gone.includes(each));
        continue;
      }
      members[activation].add(who);
      const kind = isStale(activation, now) ? 'held' : 'sent';
      decisions.push({ at: now, who, activation, kind });
      if (kind === 'held') waiting.push({ who, activation, expiresAt: now + demands[activation].validFor });
    }
  };
  const happens = (input: Input): void => {
    if (input.kind === 'stock-end') ended = [...ended, input];
    if (input.kind === 'stock') quantity.set(input.who, input.quantity);
    if (input.kind === 'price') {
      drop.set(input.who, input.drop);
      told = [...told.filter(({ asOf }) => asOf !== input.asOf), input];
    }
    if (input.kind === 'stock' || input.kind === 'price') memberships(input.who, input.at);
  };

  for (const now of minutesOf(script)) {
    clocksMove(now);
    judgeAgain(now);
    for (const input of script.inputs) if (input.at === now) happens(input);
  }
  return { decisions: [...decisions, ...cartMails(script)], ...ordersInTime(script) };
}

/** A cart is left when no order of it was placed within the wait, whenever that is known: once the shop has been seen so far. */
function cartMails(script: Script): Decision[] {
  const { inTime } = ordersInTime(script);
  const down = script.inputs.find((input) => input.kind === 'gateway' && !input.up)?.at ?? Number.POSITIVE_INFINITY;
  const up = script.inputs.find((input) => input.kind === 'gateway' && input.up)?.at ?? Number.POSITIVE_INFINITY;
  // Five seconds of lateness; while the gateway takes nothing, nothing is known. The minute at which it is back looks once more.
  const knows = (now: number, left: number): boolean => (now < down || now >= up) && now * minute - 5001 >= left * minute;
  return script.inputs.flatMap((input): Decision[] => {
    if (input.kind !== 'cart' || inTime.has(input.who)) return [];
    const left = input.occurredAt + wait;
    const at = minutesOf(script).find((now) => now >= input.at && knows(now, left));
    return at === undefined ? [] : [{ at, who: input.who, activation: 'abandoned-cart-mail', kind: 'sent' }];
  });
}

function ordersInTime({ inputs }: Script): Pick<Expected, 'inTime' | 'inTimeButLate'> {
  const inTime = new Set<string>();
  const inTimeButLate = new Set<string>();
  for (const cart of inputs) {
    if (cart.kind !== 'cart') continue;
    const order = inputs.find((each) => each.kind === 'order' && each.who === cart.who);
    if (order?.kind !== 'order' || order.occurredAt > cart.occurredAt + wait) continue;
    inTime.add(cart.who);
    if (order.at > cart.occurredAt + wait) inTimeButLate.add(cart.who);
  }
  return { inTime, inTimeButLate };
}
