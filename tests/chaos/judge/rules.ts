import type { RawEvent } from './raw-log.ts';

/** The truth of one segment from `at` on. */
export interface Step {
  readonly at: number;
  readonly holds: boolean;
}

/** A span of event time in which something holds, the end exclusive. */
type Span = readonly [from: number, to: number];

const second = 1_000;
const ordersOf = (events: readonly RawEvent[]): readonly RawEvent[] => events.filter(({ name }) => name === 'Order Completed');

/** Each cart that was filled, waited four seconds without an order or a change, for six seconds at most. */
function leftCart(events: readonly RawEvent[]): Span[] {
  const spans: Span[] = [];
  const since = new Map<string, number>();
  const end = (cart: string, at: number): void => {
    const from = since.get(cart);
    if (from !== undefined) spans.push([from + 4 * second, Math.min(at, from + 10 * second)]);
    since.delete(cart);
  };
  for (const { name, cart, at } of events) {
    if (name === 'Product Added' && cart !== undefined) {
      end(cart, at);
      since.set(cart, at);
    } else if (name === 'Order Completed') {
      for (const each of cart === undefined ? [...since.keys()] : [cart]) end(each, at);
    }
  }
  for (const cart of since.keys()) end(cart, Number.POSITIVE_INFINITY);
  return spans;
}

/** At every moment at which something comes into a window or leaves it: whether what is in it then suffices. */
function windowed(events: readonly RawEvent[], window: number, suffices: (inside: readonly RawEvent[]) => boolean): Span[] {
  const orders = ordersOf(events);
  const moments = [...new Set(orders.flatMap(({ at }) => [at, at + window]))].sort((a, b) => a - b);
  return moments.flatMap((at, i): Span[] => {
    const inside = orders.filter((order) => order.at <= at && order.at > at - window);
    return suffices(inside) ? [[at, moments[i + 1] ?? Number.POSITIVE_INFINITY]] : [];
  });
}

function gold(events: readonly RawEvent[]): Span[] {
  const told = events.filter(({ traits }) => traits['plan'] !== undefined);
  return told.flatMap(({ at, traits }, i): Span[] =>
    traits['plan'] === 'gold' ? [[at, told[i + 1]?.at ?? Number.POSITIVE_INFINITY]] : [],
  );
}

const segments: Readonly<Record<string, (events: readonly RawEvent[]) => Span[]>> = {
  'left-cart': leftCart,
  twice: (events) => windowed(events, 8 * second, (inside) => new Set(inside.map(({ order }) => order)).size >= 2),
  'big-order': (events) =>
    ordersOf(events)
      .filter(({ total }) => total >= 250)
      .map(({ at }): Span => [at, Number.POSITIVE_INFINITY]),
  spender: (events) => windowed(events, 6 * second, (inside) => inside.reduce((sum, { total }) => sum + total, 0) > 400),
  gold,
};

export const segmentNames: readonly string[] = Object.keys(segments);

/** Every change of a membership by these events of one customer, in order of time. Written without the code of the pipeline. */
export function stepsOf(segment: string, events: readonly RawEvent[]): readonly Step[] {
  const sorted = [...events].sort((a, b) => a.at - b.at || (`e${a.index}` < `e${b.index}` ? -1 : 1));
  const edges = new Map<number, number>();
  for (const [from, to] of segments[segment]?.(sorted) ?? []) {
    if (to <= from) continue;
    edges.set(from, (edges.get(from) ?? 0) + 1);
    edges.set(to, (edges.get(to) ?? 0) - 1);
  }
  const steps: Step[] = [];
  let held = 0;
  for (const at of [...edges.keys()].filter(Number.isFinite).sort((a, b) => a - b)) {
    held += edges.get(at) ?? 0;
    if (held > 0 !== (steps.at(-1)?.holds ?? false)) steps.push({ at, holds: held > 0 });
  }
  return steps;
}
