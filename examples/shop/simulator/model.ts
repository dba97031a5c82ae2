import { changePrice, stockRoom } from './feeds.ts';
import { calendarPace, nextArrival, type Pace } from './pace.ts';
import type { ShopEvent } from './shop-event.ts';
import { takeOver, visitsByKind } from './visits.ts';
import { World } from './world.ts';

export interface ShopOptions {
  readonly seed: number;
  /** Epoch milliseconds; nothing comes before it, and nothing at `end` or after it. */
  readonly start: number;
  /** Infinity: for ever. */
  readonly end: number;
  /** Calls of visitors, on average; stock and prices come on top. */
  readonly eventsPerSecond: number;
  /** As people are, when left out. */
  readonly pace?: Pace;
  /** Customers whom the seed alone makes, 800 when left out: simulations of one seed have them in common. */
  readonly customers?: number;
  /** Whether they have been customers before the start; else they become it one by one. */
  readonly registered?: boolean;
  /** Asked at each count of the stock: whether it breaks off. */
  readonly countFails?: () => boolean;
}

/** What a visit is thought to have in calls until some have been seen. */
const firstGuess = { calls: 8, visits: 20 };

/**
 * A shop's calls to its SDKs in the order of time. The same options give the same events; of the same seed and another start,
 * customers and goods are the same and all other ids are new.
 */
export function* shopEvents(options: ShopOptions): Generator<ShopEvent, void> {
  const { seed, start, end, eventsPerSecond, pace = calendarPace, customers = 800, registered = false } = options;
  const world = new World({ seed, start, pace, customers, registered });
  const { random, queue } = world;
  let visits = 0;

  const arrive = (at: number): void => {
    visitsByKind[random.weighted(pace.visits)](world, at);
    visits += 1;
    next(at);
  };
  const next = (at: number): void => {
    // Refunds and those who come back count, too, so the rate holds whatever visits lead to.
    const callsPerVisit = (world.calls + firstGuess.calls * firstGuess.visits) / (visits + firstGuess.visits);
    world.later(nextArrival(pace, at, eventsPerSecond / 1000 / callsPerVisit, random), arrive);
  };
  const repeat = (first: number, wait: () => number, happen: (world: World, at: number) => void): void =>
    world.later(first, (at) => {
      happen(world, at);
      repeat(at + wait(), wait, happen);
    });

  next(start);
  repeat(start + 0.4 * pace.takeover, () => pace.takeover * random.between(0.5, 1.5), takeOver);
  repeat(start + 0.02 * pace.stockCount, () => pace.stockCount, stockRoom(world, options.countFails));
  repeat(start + random.exponential(pace.priceChange), () => random.exponential(pace.priceChange), changePrice);

  while (queue.nextAt < end) {
    const at = queue.nextAt;
    const happening = queue.pop();
    if (typeof happening === 'object') yield happening;
    else happening?.(at);
  }
}
