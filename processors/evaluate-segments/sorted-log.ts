/** An event kept in a state: event time and messageId, the order of everything. */
export interface Entry {
  readonly t: number;
  readonly id: string;
}

/** Event time first, then messageId, so that equal times have one order whatever arrives when. */
export function inOrder(one: Entry, other: Entry): number {
  return one.t - other.t || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}

/** The log with the entry in its place; the same reference if it is there already. */
export function insert<E extends Entry>(log: readonly E[], entry: E): readonly E[] {
  let at = log.length;
  for (; at > 0; at--) {
    const order = inOrder(log[at - 1] as E, entry);
    if (order === 0) return log;
    if (order < 0) break;
  }
  return [...log.slice(0, at), entry, ...log.slice(at)];
}

/** Every entry of both, once. */
export function union<E extends Entry>(one: readonly E[], other: readonly E[]): readonly E[] {
  if (one.length === 0) return other;
  return other.reduce((log, entry) => insert(log, entry), one);
}

/** Index of the first entry after the time. */
export function firstAfter(log: readonly Entry[], at: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as Entry).t <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The log without entries up to the time; the same reference if there are none. */
export function dropUpTo<E extends Entry>(log: readonly E[], at: number): readonly E[] {
  const from = firstAfter(log, at);
  return from === 0 ? log : log.slice(from);
}

/** The last entry at exactly this time. */
export function entryAt<E extends Entry>(log: readonly E[], at: number): E | undefined {
  const last = log[firstAfter(log, at) - 1];
  return last?.t === at ? last : undefined;
}

/**
 * Walks a window over the log: each entry arrives at its time and expires `within` later. Yields each time at which something
 * did, once all of that time have been told. Arrivals are told in order.
 */
export function* sweep<E extends Entry>(
  log: readonly E[],
  within: number,
  arrive: (entry: E) => void,
  expire: (entry: E) => void,
): Generator<number> {
  let arriving = 0;
  let expiring = 0;
  while (expiring < log.length) {
    const next = log[arriving]?.t ?? Number.POSITIVE_INFINITY;
    const out = (log[expiring] as E).t + within;
    const at = Math.min(next, out);
    if (at === Number.POSITIVE_INFINITY) return;
    for (let entry = log[expiring]; entry !== undefined && entry.t + within === at; entry = log[++expiring]) expire(entry);
    for (let entry = log[arriving]; entry?.t === at; entry = log[++arriving]) arrive(entry);
    yield at;
  }
}
