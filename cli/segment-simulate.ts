import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import { timelineOf } from '../processors/evaluate-segments/timeline.ts';
import { encodeCell } from '../runtime/state/layout.ts';
import type { HistoryEvent } from './segment-histories.ts';

/** What became of one segment over a history. */
export interface SegmentRun {
  readonly segment: CompiledSegment;
  readonly entries: number;
  readonly exits: number;
  /** Members at the end of each step of time. */
  readonly sizes: readonly number[];
  readonly members: readonly string[];
}

/** Bytes that one leaf takes in the state of a customer who has it. */
export interface LeafCost {
  readonly segment: string;
  readonly meaning: string;
  readonly customers: number;
  readonly mean: number;
  readonly largest: number;
}

/** How the members of a segment at a time would be others by another rule of that name; a rule that is not there has none. */
export interface SegmentDifference {
  readonly segment: string;
  readonly before: number;
  readonly after: number;
  readonly enter: readonly string[];
  readonly leave: readonly string[];
}

type Events = ReadonlyMap<string, readonly HistoryEvent[]>;

/** The states of the leaves of a segment after all events of a customer. */
export function statesOf(segment: CompiledSegment, events: readonly HistoryEvent[]): ReadonlyMap<string, unknown> {
  return new Map(
    segment.leaves.map(({ hash, leaf }) => {
      const heard = events.filter(({ event }) => leaf.events.includes(event));
      return [hash, heard.reduce((state, event) => leaf.add(state, event, () => undefined), leaf.empty)];
    }),
  );
}

/** Runs the segments over histories by the same rules as live ones; `times` are the ends of the steps, ascending, epoch milliseconds. */
export function runSegments(
  segments: readonly CompiledSegment[],
  histories: Events,
  times: readonly number[],
): readonly SegmentRun[] {
  const end = times.at(-1) ?? Number.NEGATIVE_INFINITY;
  return segments.map((segment) => {
    const sizes = times.map(() => 0);
    const members: string[] = [];
    let [entries, exits] = [0, 0];
    for (const [customer, events] of histories) {
      const since = events[0]?.occurredAt ?? Number.POSITIVE_INFINITY;
      const states = statesOf(segment, events);
      const timeline = timelineOf(segment, customer, (hash) => states.get(hash), since);
      let is = false;
      for (let at = timeline.next(since - 1, false); at <= end; at = timeline.next(at, is)) {
        is = !is;
        if (is) entries += 1;
        else exits += 1;
      }
      for (const [index, time] of times.entries()) if (timeline.holds(time)) sizes[index] = (sizes[index] ?? 0) + 1;
      if (is) members.push(customer);
    }
    return { segment, entries, exits, sizes, members };
  });
}

/** Compares the members at a time by two sets of rules. */
export function differencesOf(
  segments: readonly CompiledSegment[],
  others: readonly CompiledSegment[],
  histories: Events,
  at: number,
): readonly SegmentDifference[] {
  const members = (all: readonly CompiledSegment[]): ReadonlyMap<string, readonly string[]> =>
    new Map(runSegments(all, histories, [at]).map(({ segment, members }) => [segment.name, members]));
  const [now, then] = [members(segments), members(others)];
  return [...new Set([...now.keys(), ...then.keys()])].sort().map((segment) => {
    const [before, after] = [new Set(now.get(segment)), new Set(then.get(segment))];
    const enter = [...after].filter((customer) => !before.has(customer));
    const leave = [...before].filter((customer) => !after.has(customer));
    return { segment, before: before.size, after: after.size, enter, leave };
  });
}

/** What the leaves cost in the state, pruned as of the end of the history: bytes as they are stored, without the record around them. */
export function costsOf(segments: readonly CompiledSegment[], histories: Events, end: number): readonly LeafCost[] {
  const told = new Set<string>();
  return segments.flatMap((segment) =>
    segment.leaves.flatMap(({ hash, leaf }) => {
      if (told.has(hash)) return [];
      told.add(hash);
      const bytes: number[] = [];
      for (const events of histories.values()) {
        const heard = events.filter(({ event }) => leaf.events.includes(event));
        if (heard.length === 0) continue;
        const state = heard.reduce((all, event) => leaf.add(all, event, () => undefined), leaf.empty);
        bytes.push(encodeCell({ value: { state: leaf.prune(state, end), facts: {} }, due: [], hold: undefined }).length);
      }
      const total = bytes.reduce((all, each) => all + each, 0);
      const meaning = Object.keys(leaf.meaning as object)[0] ?? '';
      const largest = bytes.reduce((most, each) => Math.max(most, each), 0);
      return [
        { segment: segment.name, meaning, customers: bytes.length, mean: bytes.length === 0 ? 0 : total / bytes.length, largest },
      ];
    }),
  );
}
