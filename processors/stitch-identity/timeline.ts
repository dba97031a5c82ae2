/** From `from` on (epoch milliseconds, inclusive), until the next segment, events belong to `customer`. */
export type Segment = readonly [from: number, customer: string];

/** To whom an identifier belongs at which time; the first segment begins at ALWAYS, starts rise, neighbours differ. */
export type Timeline = readonly Segment[];

/** A span of event time, the end exclusive. */
export type Interval = readonly [from: number, to: number];

export const ALWAYS = Number.MIN_SAFE_INTEGER;
export const NEVER = Number.MAX_SAFE_INTEGER;

/** The timeline of an identifier that never changes hands. */
export function always(customer: string): Timeline {
  return [[ALWAYS, customer]];
}

/** The customer of an event that occurred at `at`. */
export function customerAt(timeline: Timeline, at: number): string {
  let found = '';
  for (const [from, customer] of timeline) {
    if (from > at) break;
    found = customer;
  }
  return found;
}

/** The customer that an identifier belongs to in the end. */
export function lastCustomer(timeline: Timeline): string {
  return timeline.at(-1)?.[1] ?? '';
}

/** Of segments with the same start the last counts; neighbours of the same customer become one. */
export function tidy(segments: readonly Segment[]): Timeline {
  const kept: Segment[] = [];
  for (const segment of segments) {
    if (kept.at(-1)?.[0] === segment[0]) kept.pop();
    if (kept.at(-1)?.[1] !== segment[1]) kept.push(segment);
  }
  return kept;
}

/** When two identifiers belong to different customers. */
export function foreignSpans(a: Timeline, b: Timeline): readonly Interval[] {
  const starts = [...new Set([...a, ...b].map(([from]) => from))].sort((x, y) => x - y);
  const spans: [number, number][] = [];
  starts.forEach((from, i) => {
    const to = starts[i + 1] ?? NEVER;
    if (customerAt(a, from) === customerAt(b, from)) return;
    const last = spans.at(-1);
    if (last?.[1] === from) last[1] = to;
    else spans.push([from, to]);
  });
  return spans;
}

export function sameSpans(a: readonly Interval[], b: readonly Interval[]): boolean {
  return a.length === b.length && a.every(([from, to], i) => from === b[i]?.[0] && to === b[i]?.[1]);
}

export function sameTimeline(a: Timeline | undefined, b: Timeline): boolean {
  return (
    a !== undefined && a.length === b.length && a.every(([from, customer], i) => from === b[i]?.[0] && customer === b[i]?.[1])
  );
}
