import { ordersByHour, ordersByWeekday } from './statistics.ts';
import type { Random } from './random.ts';

export const visitKinds = ['browse', 'stray-cart', 'look', 'abandon', 'buy'] as const;
export type VisitKind = (typeof visitKinds)[number];

/** How fast and with what in mind people live. Times in milliseconds. */
export interface Pace {
  /** What visits are made of, by weight. */
  readonly visits: Readonly<Record<VisitKind, number>>;
  /** Mean pause between two calls of a visit. */
  readonly pause: number;
  /** What counts as a day between an order and its refund. */
  readonly day: number;
  /** Share of the buyers who have never bought before. */
  readonly newcomers: number;
  /** When those come back who left a cart, least and most. */
  readonly comeback: readonly [number, number];
  /** When a giant order is taken back, least and most. */
  readonly regret: readonly [number, number];
  /** Share of the orders that are giants. */
  readonly giants: number;
  /** Mean time between two accounts being taken over. */
  readonly takeover: number;
  /** From the log-in of a thief to the change of address, least and most. */
  readonly theft: readonly [number, number];
  /** Between two counts of the stock. */
  readonly stockCount: number;
  /** From a count until it is told. */
  readonly countedBefore: number;
  /** Customers who wait for an article that is sold out now and then. */
  readonly wishes: number;
  /** Mean time between two changes of a price. */
  readonly priceChange: number;
  /** Whether nights and days of the week are told apart. */
  readonly rhythm: 'calendar' | 'flat';
}

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

/** People as they are: history, and simulated weeks. Visitors who never tell their names are mostly left out. */
export const calendarPace: Pace = {
  visits: { browse: 45, 'stray-cart': 5, look: 15, abandon: 8, buy: 27 },
  pause: 9 * second,
  day,
  newcomers: 0.46,
  comeback: [hour, 30 * hour],
  regret: [6 * minute, 40 * minute],
  giants: 0.015,
  takeover: 2 * day,
  theft: [minute, 6 * minute],
  stockCount: day,
  countedBefore: 20 * second,
  wishes: 0,
  priceChange: 3 * hour,
  rhythm: 'calendar',
};

/** People in a hurry: a visit takes seconds, a night half a minute, at any hour. */
export const demoPace: Pace = {
  visits: { browse: 88, 'stray-cart': 5, look: 3, abandon: 1.5, buy: 2.5 },
  pause: 0.6 * second,
  day: 20 * second,
  newcomers: 0.46,
  comeback: [65 * second, 3 * minute],
  regret: [20 * second, minute],
  giants: 0.005,
  takeover: minute,
  theft: [4 * second, 20 * second],
  stockCount: 30 * second,
  countedBefore: 5 * second,
  wishes: 24,
  priceChange: 15 * second,
  rhythm: 'flat',
};

/** A few orders at night and on the day when the shop is closed, as every web shop has them. */
const share = (of: readonly number[], at: number): number => {
  const mean = of.reduce((sum, one) => sum + one, 0) / of.length;
  return ((of[at] ?? 0) + 0.04 * mean) / (1.04 * mean);
};

/** How busy it is at a time, in UTC; 1 on average over a week. */
export function busyness({ rhythm }: Pace, at: number): number {
  if (rhythm === 'flat') return 1;
  const date = new Date(at);
  return share(ordersByHour, date.getUTCHours()) * share(ordersByWeekday, date.getUTCDay());
}

/** When the next visitor comes, if `perMs` come on average: a Poisson process that follows the hours. */
export function nextArrival(pace: Pace, from: number, perMs: number, random: Random): number {
  let wanted = random.exponential(1);
  for (let at = from; ;) {
    const rate = perMs * busyness(pace, at);
    const hourEnd = (Math.floor(at / hour) + 1) * hour;
    if (wanted <= rate * (hourEnd - at)) return at + wanted / rate;
    wanted -= rate * (hourEnd - at);
    at = hourEnd;
  }
}
