import { ofLast } from './memo.ts';
import type { Leaf, LeafEvent, Note } from './operator.ts';
import { dropUpTo, entryAt, firstAfter, inOrder, insert, union, type Entry } from './sorted-log.ts';
import type { Window } from './window.ts';
import { pruneZones, withZone, zoneEvents, zoneLine, type ZoneLine, type ZoneTold } from './zones.ts';

/** What the events in a window come to. */
export interface Reading {
  readonly holds: boolean;
  /** Plain data to be published; null if there is nothing to tell. */
  readonly value: unknown;
  /** In words; as long as the tally has not moved on. */
  readonly says: () => string;
}

/** Keeps up with a window that moves: entries come and go at either end. */
export interface Tally<E> {
  readonly add: (entry: E) => void;
  readonly remove: (entry: E) => void;
  /** Of a window whose oldest and newest entry are given. */
  readonly read: (oldest: E | undefined, newest: E | undefined) => Reading;
}

export interface WindowedSpec<E extends Entry> {
  readonly meaning: unknown;
  readonly of: string;
  readonly window: Window;
  readonly monotone: boolean;
  /** Zone of a customer of whom none is known. */
  readonly timezone: string;
  /** What is kept of an event; undefined if it does not count. */
  read(event: LeafEvent, note: Note): Omit<E, keyof Entry> | undefined;
  tally(): Tally<E>;
  /** Entries of one bucket and the same key become one. */
  key(entry: E): string;
  combine(older: E, newer: E): E;
  /** Of a window without end, no more old entries than this make a difference. */
  readonly enough?: number;
}

export interface WindowedState<E> {
  readonly log: readonly E[];
  readonly zones?: readonly ZoneTold[];
}

/** A leaf that goes by the events in a window. Its state is the events that may still count, or their buckets. */
export function windowedLeaf<E extends Entry>(spec: WindowedSpec<E>): Leaf<WindowedState<E>> {
  const { of, window } = spec;
  const { personal } = window;
  const stateOf = (log: readonly E[], zones: readonly ZoneTold[]): WindowedState<E> =>
    zones.length === 0 ? { log } : { log, zones };
  const nothing = spec.tally().read(undefined, undefined);
  /** The reading at a time, and each later time at which it may be another. */
  const readings = function* (
    { log, zones = [] }: WindowedState<E>,
    since: number,
  ): Generator<readonly [at: number, reading: Reading]> {
    const tally = spec.tally();
    for (const [at, from, to] of sweepWindow(log, window, zoneLine(zones, spec.timezone), tally, since))
      yield [at, from === to ? nothing : tally.read(log[from], log[to - 1])];
  };
  const readingAt = (state: WindowedState<E>, at: number): Reading => {
    for (const [, reading] of readings(state, at)) return reading;
    return nothing;
  };
  // One decision asks a state for what holds, when that changes, and what holds then.
  const linesOf = ofLast(() => [] as Line[]);
  const lineOf = (state: WindowedState<E>, at: number): Line => {
    const lines = linesOf(state);
    const known = lines.find(({ since }) => since <= at);
    if (known !== undefined) return known;
    const line = lineFrom(at, readings(state, at));
    lines.unshift(line);
    return line;
  };

  return {
    meaning: spec.meaning,
    events: personal ? [...new Set([of, ...zoneEvents])] : [of],
    monotone: spec.monotone && window.prompt,
    reach: window.reach,
    empty: { log: [] },
    add: (state, event, note) => {
      const read = event.event === of ? spec.read(event, note) : undefined;
      const log = read === undefined ? state.log : insert(state.log, entryOf<E>(event, read));
      const before = state.zones ?? [];
      const zones = personal ? withZone(before, event) : before;
      return log === state.log && zones === before ? state : stateOf(log, zones);
    },
    merge: (one, other) => stateOf(union(one.log, other.log), union(one.zones ?? [], other.zones ?? [])),
    prune: (state, horizon) => {
      const log = compact(dropUpTo(state.log, window.behind(horizon)), window.merged(horizon), spec);
      const before = state.zones ?? [];
      const zones = pruneZones(before, horizon);
      return log === state.log && zones === before ? state : stateOf(log, zones);
    },
    holds: (state, at) => lineOf(state, at).at(at).holds,
    nextChange: (state, at) => lineOf(state, at).nextOther(at, ({ holds }) => holds),
    eventAt: (state, at) => {
      const entry = entryAt(state.log, at);
      if (entry !== undefined) return { messageId: entry.id, event: of };
      const zone = entryAt(state.zones ?? [], at);
      return zone && { messageId: zone.id, event: zone.i === true ? (zoneEvents[0] ?? of) : of };
    },
    explain: (state, at) => {
      const reading = readingAt(state, at);
      const { holds } = reading;
      const says = reading.says();
      const zone = zoneLine(state.zones ?? [], spec.timezone).at(at);
      const [after, upTo] = window.range(at, zone);
      const events = state.log.slice(firstAfter(state.log, after), firstAfter(state.log, upTo));
      return { holds, says, events: events.map(({ t, id }) => ({ messageId: id, occurredAt: t })) };
    },
    figure: {
      value: (state, at) => lineOf(state, at).at(at).value,
      next: (state, at) => lineOf(state, at).nextOther(at, ({ value }) => JSON.stringify(value)),
    },
  };
}

/** Readings from a time on, worked out as far as somebody asks. */
interface Line {
  readonly since: number;
  /** Not before `since`. */
  readonly at: (time: number) => Reading;
  /** The first time after `time` at which what `of` picks is another than then; +Infinity if there is none. */
  readonly nextOther: (time: number, of: (reading: Reading) => unknown) => number;
}

function lineFrom(since: number, rest: Iterator<readonly [at: number, reading: Reading], void>): Line {
  const found: (readonly [at: number, reading: Reading])[] = [];
  /** Index of the last reading up to the time; the one after it is known as well, if there is one. */
  const reach = (time: number): number => {
    let index = found.length - 1;
    while (index < 0 || (found[index]?.[0] ?? 0) <= time) {
      const next = rest.next();
      if (next.done === true) return found.length - 1;
      found.push(next.value);
      index = found.length - 1;
    }
    while ((found[index]?.[0] ?? Number.NEGATIVE_INFINITY) > time) index -= 1;
    return index;
  };
  const readingOf = (index: number): Reading => (found[index] as readonly [number, Reading])[1];
  return {
    since,
    at: (time) => readingOf(reach(time)),
    nextOther: (time, of) => {
      let index = reach(time);
      const now = of(readingOf(index));
      for (;;) {
        const next = found[index + 1];
        if (next === undefined) return Number.POSITIVE_INFINITY;
        if (of(next[1]) !== now) return next[0];
        index = reach(next[0]);
      }
    },
  };
}

/** The spec says what `E` has beyond time and id, which its type cannot. */
function entryOf<E extends Entry>({ occurredAt, messageId }: LeafEvent, read: Omit<E, keyof Entry>): E {
  return { t: occurredAt, id: messageId, ...read } as unknown as E;
}

/**
 * Moves the window over the log from a time on; yields that time and each later one at which the window may hold others, with the
 * first and the end of those in it.
 */
function* sweepWindow<E extends Entry>(
  log: readonly E[],
  window: Window,
  zones: ZoneLine,
  { add, remove }: Pick<Tally<E>, 'add' | 'remove'>,
  since: number,
): Generator<readonly [at: number, from: number, to: number]> {
  const { personal } = window;
  const rangeAt = (at: number): readonly [number, number] => window.range(at, personal ? zones.at(at) : '');
  let from = since === Number.NEGATIVE_INFINITY ? 0 : firstAfter(log, rangeAt(since)[0]);
  let to = from;
  const move = ([after, upTo]: readonly [number, number]): void => {
    for (let next = log[to]; next !== undefined && next.t <= upTo; next = log[++to]) add(next);
    for (let next = log[from - 1]; next !== undefined && next.t > after; next = log[from - 1]) {
      add(next);
      from -= 1;
    }
    for (let first = log[from]; first !== undefined && from < to && first.t <= after; first = log[++from]) remove(first);
    for (let last = log[to - 1]; last !== undefined && to > from && last.t > upTo; last = log[to - 1]) {
      remove(last);
      to -= 1;
    }
  };
  if (since !== Number.NEGATIVE_INFINITY) move(rangeAt(since));
  yield [since, from, to];
  const times: number[] = zones.changes.filter((time) => time > since);
  const concerned = personal ? log : log.slice(from);
  for (const zone of personal ? zones.all : [''])
    for (const { t } of concerned)
      for (const time of window.span(t, zone)) if (time > since && time !== Number.POSITIVE_INFINITY) times.push(time);
  let before = since;
  for (const at of Float64Array.from(times).sort()) {
    if (at === before) continue;
    before = at;
    move(rangeAt(at));
    yield [at, from, to];
  }
}

/** The log with its old entries in buckets; the same reference if that changes nothing. */
function compact<E extends Entry>(log: readonly E[], upTo: number, spec: WindowedSpec<E>): readonly E[] {
  const old = log.slice(0, firstAfter(log, upTo));
  const buckets = new Map<string, E>();
  for (const entry of old) {
    const bucket = spec.window.bucket(entry.t);
    if (bucket === undefined) return log;
    const key = `${bucket} ${spec.key(entry)}`;
    const before = buckets.get(key);
    buckets.set(key, before === undefined ? entry : spec.combine(before, entry));
  }
  let kept = [...buckets.entries()];
  if (spec.window.behind(upTo) === Number.NEGATIVE_INFINITY && kept.length > (spec.enough ?? kept.length))
    kept = kept.toSorted(([one], [other]) => (one < other ? -1 : 1)).slice(0, spec.enough);
  if (kept.length === old.length) return log;
  return [...kept.map(([, entry]) => entry).sort(inOrder), ...log.slice(old.length)];
}
