import type { Interval } from './timeline.ts';

/** What a primary identifier remembers of another one it was seen with. */
export interface Link {
  /** Kind of the other. */
  readonly kind: string;
  /** Source of the sighting that came last. */
  readonly source: string;
  /** The earliest sighting, which was sent. */
  readonly first: number;
  /** Sightings sent to the root and not yet decided. */
  readonly pending: readonly number[];
  /** Sightings of a moving pair that were not sent, for they said nothing new; some are left out. */
  readonly kept: readonly number[];
  /** Spans in which the two belong to different customers, as the root last said. */
  readonly foreign: readonly Interval[];
  /** The root takes no more of this pair. */
  readonly closed: boolean;
}

/** Another identifier of an event: when, of which kind, from which source. */
export interface Seen {
  readonly at: number;
  readonly kind: string;
  readonly source: string;
}

export interface Sighting {
  /** Undefined: nothing has changed. */
  readonly link: Link | undefined;
  readonly send: boolean;
}

const MOST_KEPT = 32;
const nothing: Sighting = { link: undefined, send: false };

/**
 * The two were seen together. To be sent is what may matter: the first sighting, an earlier one, and one of a
 * moving pair in a span where they belong to different customers. Everything else changes nothing at the root.
 */
export function sight(link: Link | undefined, { at, kind, source }: Seen, moving: boolean, everyMs: number): Sighting {
  if (link === undefined)
    return { link: { kind, source, first: at, pending: [at], kept: [], foreign: [], closed: false }, send: true };
  if (link.closed) return nothing;
  if (at < link.first) return { link: { ...link, source, first: at, pending: [...link.pending, at] }, send: true };
  if (!moving || at === link.first || link.pending.includes(at)) return nothing;
  if (isNews(link, at)) return { link: { ...link, source, pending: [...link.pending, at] }, send: true };
  if (link.kept.some((other) => other === at || (other < at && at - other < everyMs))) return nothing;
  return { link: { ...link, source, kept: [...link.kept, at].sort((a, b) => a - b).slice(-MOST_KEPT) }, send: false };
}

/** The root has said how it stands; `send` are kept sightings that it has to know now. */
export function answer(
  link: Link,
  decided: number | null,
  foreign: readonly Interval[],
  closed: boolean,
): { link: Link; send: readonly number[] } {
  let next: Link = { ...link, pending: link.pending.filter((at) => at !== decided), foreign, closed: link.closed || closed };
  if (next.closed) return { link: { ...next, kept: [] }, send: [] };
  const send: number[] = [];
  for (const at of link.kept) {
    if (!isNews(next, at)) continue;
    send.push(at);
    next = { ...next, pending: [...next.pending, at], kept: next.kept.filter((other) => other !== at) };
  }
  return { link: next, send };
}

/** In a foreign span, and none on its way that will end the span at or before this moment. */
function isNews(link: Link, at: number): boolean {
  const span = link.foreign.find(([from, to]) => from <= at && at < to);
  return span !== undefined && !link.pending.some((sent) => span[0] <= sent && sent <= at);
}
