import { lateness, usualFaults, withFaults, type Delivery, type FaultShares } from './faults.ts';
import { shopEvents, type ShopOptions } from './model.ts';
import { demoPace, type Pace } from './pace.ts';
import { feedOf } from './shop-event.ts';

export interface DeliveriesOptions extends Pick<ShopOptions, 'seed' | 'start' | 'eventsPerSecond' | 'customers' | 'countFails'> {
  readonly faults?: FaultShares;
}

const never = 1e15;
/** People who only look around. */
const strollers: Pace = {
  ...demoPace,
  visits: { browse: 1, 'stray-cart': 0, look: 0, abandon: 0, buy: 0 },
  takeover: never,
  stockCount: never,
  wishes: 0,
  priceChange: never,
};

/**
 * What reaches the gateway from the start on, for ever, in the order of time: a shop in a hurry, whose customers are those of the
 * history of the same seed. From the first minute on some is late: page views of before the start. What the till tells has no faults.
 */
export function* deliveries({ faults = usualFaults, ...options }: DeliveriesOptions): Generator<Delivery, void> {
  const { seed, start, eventsPerSecond } = options;
  const before = shopEvents({
    seed,
    start: start - lateness.late[1],
    end: start,
    eventsPerSecond: eventsPerSecond * faults.late,
    pace: strollers,
    customers: 0,
  });
  const onlyLate = { duplicate: 0, 'out-of-order': 0, late: 1, broken: 0, future: 0 };
  const held = [...withFaults(before, seed, onlyLate)].filter(({ at }) => at >= start);
  let next = 0;
  const now = shopEvents({ ...options, end: Number.POSITIVE_INFINITY, pace: demoPace, registered: true });
  for (const delivery of withFaults(now, seed, faults, (event) => feedOf(event) === 'shop')) {
    for (let late = held[next]; late !== undefined && late.at <= delivery.at; late = held[++next]) yield late;
    yield delivery;
  }
}
