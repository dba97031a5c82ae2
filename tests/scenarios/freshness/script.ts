/** What happens, minute by minute from Tuesday 10:00 on; `at` is when it comes in. */
export type Input =
  | { readonly kind: 'identify'; readonly at: number; readonly who: string }
  | { readonly kind: 'stock'; readonly at: number; readonly who: string; readonly asOf: number; readonly quantity: number }
  | { readonly kind: 'stock-end'; readonly at: number; readonly asOf: number }
  | { readonly kind: 'price'; readonly at: number; readonly who: string; readonly asOf: number; readonly drop: number }
  | { readonly kind: 'cart'; readonly at: number; readonly who: string; readonly occurredAt: number }
  | { readonly kind: 'order'; readonly at: number; readonly who: string; readonly occurredAt: number }
  | { readonly kind: 'gateway'; readonly at: number; readonly up: boolean };

export interface Script {
  readonly inputs: readonly Input[];
  /** The end, in minutes. */
  readonly until: number;
  /** Customers who wait for an article, and how many of them a file that breaks off reaches. */
  readonly watchers: readonly string[];
  readonly reached: number;
}

const hour = 60;
const day = 24 * hour;
/** Minutes from Tuesday 10:00 to 02:00 in the night to Wednesday, and to Thursday. */
export const nights = { before: -8 * hour, good: 16 * hour, failed: 16 * hour + day } as const;
/** The file of the failed night is written anew at 10:45 on Thursday, and comes at 10:51. */
export const repeat = { asOf: 2 * day + 45, at: 2 * day + 51 } as const;
/** On Wednesday from 14:00 to 15:30 the gateway takes nothing: senders keep what they have. */
export const outage = { from: day + 4 * hour, until: day + 5.5 * hour } as const;
const until = 2 * day + 8 * hour;

/** Two days, drawn from a seed: who waits for what, who fills a cart, who orders in time. */
export function writeScript(seed: number): Script {
  const random = randomFrom(seed);
  const watchers = Array.from({ length: 36 }, (_, i) => `waits-${i + 1}`);
  const reached = 20 + Math.floor(random() * 8);
  const inputs: Input[] = watchers.map((who) => ({ kind: 'identify', at: 0, who }));
  const quantities = new Map(watchers.map((who) => [who, random() < 0.5 ? 0 : 40]));
  const file = (asOf: number, at: number, lines: readonly string[], isWhole: boolean): void => {
    for (const [index, who] of lines.entries())
      inputs.push({ kind: 'stock', at: at + Math.floor(index / 20), who, asOf, quantity: quantities.get(who) ?? 0 });
    if (isWhole) inputs.push({ kind: 'stock-end', at: at + 2, asOf });
  };
  const aDayOfTrade = (share: number): void => {
    for (const who of watchers) if (random() < share) quantities.set(who, random() < 0.5 ? 0 : 10 + Math.floor(random() * 40));
  };
  file(nights.before, 1, watchers, true);
  aDayOfTrade(0.5);
  file(nights.good, nights.good + 2, watchers, true);
  aDayOfTrade(0.6);
  file(nights.failed, nights.failed + 2, watchers.slice(0, reached), false);
  aDayOfTrade(0.5);
  file(repeat.asOf, repeat.at, watchers, true);

  for (let asOf = 30; asOf < until - hour; asOf += hour) {
    const told = watchers.filter(() => random() < 0.25);
    for (const who of told.length > 0 ? told : watchers.slice(0, 1))
      inputs.push({ kind: 'price', at: asOf + 1, who, asOf, drop: [0, 5, 15, 30][Math.floor(random() * 4)] ?? 0 });
  }
  inputs.push(...carts(random));
  inputs.push({ kind: 'gateway', at: outage.from, up: false }, { kind: 'gateway', at: outage.until, up: true });
  const order = (input: Input): number => (input.kind === 'gateway' && input.up ? 1 : 0);
  return { inputs: inputs.toSorted((a, b) => a.at - b.at || order(a) - order(b)), until, watchers, reached };
}

/** Carts all day long, more of them around the hour and a half in which the gateway takes nothing. */
function carts(random: () => number): Input[] {
  const inputs: Input[] = [];
  const comesIn = (occurredAt: number): number =>
    occurredAt >= outage.from && occurredAt < outage.until ? outage.until : occurredAt;
  for (let i = 1; i <= 40; i++) {
    const who = `cart-${i}`;
    const filled = i <= 24 ? outage.from - 30 + Math.floor(random() * 100) : Math.floor(5 + random() * (until - 120));
    inputs.push({ kind: 'identify', at: 0, who });
    inputs.push({ kind: 'cart', at: comesIn(filled), who, occurredAt: filled });
    if (random() < 0.35) continue;
    const ordered = filled + 1 + Math.floor(random() * 45);
    inputs.push({ kind: 'order', at: comesIn(ordered), who, occurredAt: ordered });
  }
  return inputs;
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** The minutes at which the scenario looks, ascending: whenever something comes in, and every ten minutes. */
export function minutesOf({ inputs, until: end }: Script): readonly number[] {
  const regular = Array.from({ length: Math.floor(end / 10) }, (_, i) => (i + 1) * 10);
  return [...new Set([...inputs.map(({ at }) => at), ...regular])].toSorted((a, b) => a - b);
}
