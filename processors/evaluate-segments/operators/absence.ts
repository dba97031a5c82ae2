import { durationSchema, formatDuration } from '../../../schemas/duration.ts';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import { pathSchema, selected, selectorSchema, textAt, type EventSelector } from '../event-fields.ts';
import type { Leaf, LeafScope, Operator } from '../operator.ts';
import { canonical } from '../canonical.ts';
import { entryAt, firstAfter, insert, union, type Entry } from '../sorted-log.ts';
import { ofLast } from '../memo.ts';
import { holdsAt, nextFlip, type Steps } from '../steps.ts';
import { meaningOfSpan, spanOf } from '../window.ts';

interface AbsenceConfig {
  readonly of: EventSelector;
  readonly after: EventSelector;
  readonly within: string;
  readonly same?: string;
  readonly reset_by?: readonly EventSelector[];
  readonly for?: string;
}

interface Seen extends Entry {
  /** What it may be: 1 the event that is missed, 2 the start of a wait, 4 its reset; and from 8 on the index of its name. */
  readonly e: number;
  /** Value of the property that ties events together; an `of` event without one ends every wait. */
  readonly v?: string;
}

interface AbsenceState {
  readonly log: readonly Seen[];
}

/** A wait of one value: since when, and the events that last started and ended it. */
interface Wait {
  since: number | undefined;
  start: Seen | undefined;
  end: Seen | undefined;
}

const MISSED = 1;
const START = 2;
const RESET = 4;

/** An event that did not follow another in time; from that moment until it does come. */
export const absence: Operator = {
  name: 'absence',
  schema: objectSchema(
    'Something that did not happen in time after something else.',
    {
      of: selectorSchema('The event that did not come. When it comes late, this ends.'),
      after: selectorSchema('The event that starts the wait; the same as `of`, it is the last one that counts.'),
      within: durationSchema('How long is waited. Exactly at the end is still in time.'),
      same: pathSchema('Only events with the same value of this property belong together, e.g. those of one cart.'),
      reset_by: {
        type: 'array',
        minItems: 1,
        items: selectorSchema('Starts a running wait anew.'),
        description: 'Events that start a running wait anew.',
      },
      for: durationSchema('How long this holds at most, counted from the end of the wait; until `of` comes when left out.'),
    },
    ['of', 'after', 'within'],
  ),
  compile: (config, scope) => compileAbsence(config as AbsenceConfig, scope),
};

function compileAbsence(config: AbsenceConfig, scope: LeafScope): Leaf<AbsenceState> {
  const { same } = config;
  const part = (...path: (string | number)[]): LeafScope => ({ ...scope, path: [...scope.path, ...path] });
  const [missed, start] = [selected(config.of, part('of')), selected(config.after, part('after'))];
  const [of, after] = [missed.of, start.of];
  const resets = (config.reset_by ?? []).map((each, index) => selected(each, part('reset_by', index)));
  const names = [...new Set([of, after, ...resets.map((each) => each.of)])].sort();
  const within = spanOf(config.within, 'within', scope);
  const lasting = spanOf(config.for, 'for', scope);
  const alive = (since: number, at: number): boolean => at < since + within + lasting;

  const nameOf = ({ e }: Seen): string => names[e >> 3] ?? of;

  /** What one event, in order, does to a wait. */
  const meet = (wait: Wait, entry: Seen): void => {
    if (entry.e & MISSED) {
      wait.since = undefined;
      wait.start = undefined;
      wait.end = entry;
    }
    const waiting = wait.since !== undefined && alive(wait.since, entry.t);
    if (entry.e & (waiting ? RESET : START)) {
      wait.since = entry.t;
      wait.start = entry;
    }
  };
  /** The waits after the events, by value; tells of each change of one. */
  const walk = (log: readonly Seen[], tell: (since: number | undefined, until: number) => void): Map<string, Wait> => {
    const waits = new Map<string, Wait>();
    const step = (wait: Wait, entry: Seen): void => {
      const { since } = wait;
      meet(wait, entry);
      if (since !== wait.since || wait.start === entry) tell(since, entry.t);
    };
    for (const entry of log) {
      const value = entry.v ?? '';
      if (!waits.has(value)) waits.set(value, { since: undefined, start: undefined, end: undefined });
      if (entry.e & MISSED && entry.v === undefined) for (const wait of waits.values()) step(wait, entry);
      else step(waits.get(value) as Wait, entry);
    }
    for (const wait of waits.values()) tell(wait.since, Number.POSITIVE_INFINITY);
    return waits;
  };
  const steps = ofLast((state: AbsenceState): Steps => {
    const edges: [at: number, by: number][] = [];
    walk(state.log, (since, until) => {
      if (since === undefined) return;
      const to = Math.min(until, since + within + lasting);
      if (to > since + within) edges.push([since + within, 1], [to, -1]);
    });
    edges.sort(([one], [other]) => one - other);
    const times = function* (): Generator<readonly [number, boolean]> {
      let held = 0;
      for (const [index, [at, by]] of edges.entries()) {
        held += by;
        if (edges[index + 1]?.[0] !== at) yield [at, held > 0];
      }
    };
    return { initial: false, steps: [...times()] };
  });
  /** Events from which the answers after the cut follow: of each wait its start, and its end where an older start may still come. */
  const fold = (old: readonly Seen[], cut: number): Seen[] => {
    const kept = new Map<Seen, Seen>();
    for (const { start, end } of walk(old, () => undefined).values()) {
      if (end !== undefined && lasting === Number.POSITIVE_INFINITY) kept.set(end, end);
      if (start !== undefined && alive(start.t, cut)) kept.set(start, { ...start, e: (start.e & ~RESET) | START });
    }
    return old.flatMap((entry) => kept.get(entry) ?? []);
  };

  return {
    meaning: {
      absence: {
        of: missed.meaning,
        after: start.meaning,
        within,
        same,
        reset_by: resets.length === 0 ? undefined : resets.map(({ meaning }) => canonical(meaning)).sort(),
        for: meaningOfSpan(lasting),
      },
    },
    events: names,
    monotone: false,
    reach: lasting === Number.POSITIVE_INFINITY ? lasting : within + lasting,
    empty: { log: [] },
    add: (state, event) => {
      const roles =
        (missed.chosen(event) ? MISSED : 0) |
        (start.chosen(event) ? START : 0) |
        (resets.some((each) => each.chosen(event)) ? RESET : 0);
      if (roles === 0) return state;
      const e = roles | (names.indexOf(event.event) << 3);
      const v = same === undefined ? undefined : textAt(event.properties, same);
      const log = insert(state.log, { t: event.occurredAt, id: event.messageId, e, ...(v === undefined ? {} : { v }) });
      return log === state.log ? state : { log };
    },
    merge: (one, other) => ({ log: union(one.log, other.log) }),
    prune: (state, horizon) => {
      const cut = horizon - within - (lasting === Number.POSITIVE_INFINITY ? 0 : lasting);
      const old = state.log.slice(0, firstAfter(state.log, cut));
      if (old.length === 0) return state;
      const kept = fold(old, cut);
      return kept.length === old.length ? state : { log: [...kept, ...state.log.slice(old.length)] };
    },
    holds: (state, at) => holdsAt(steps(state), at),
    nextChange: (state, at) => nextFlip(steps(state), at),
    eventAt: (state, at) => {
      const entry = entryAt(state.log, at);
      return entry && { messageId: entry.id, event: nameOf(entry) };
    },
    explain: (state, at) => {
      const log = state.log.slice(0, firstAfter(state.log, at));
      const holds = holdsAt(steps(state), at);
      const waits = [...walk(log, () => undefined).values()].filter(({ since }) => since !== undefined && alive(since, at));
      const starts = waits.flatMap(({ start }) => (start === undefined ? [] : [{ messageId: start.id, occurredAt: start.t }]));
      const says = holds
        ? `no ${of} within ${formatDuration(within)} after ${after}`
        : `${waits.length === 0 ? `no ${after} is waiting` : `still waiting ${formatDuration(within)}`} for ${of}`;
      return { holds, says, events: starts.sort((one, other) => one.occurredAt - other.occurredAt) };
    },
  };
}
