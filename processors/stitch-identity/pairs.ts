import { type Component, isMovingPair } from './component.ts';
import { cutsOf, isCut, isWord } from './cuts.ts';
import type { IdentityRules } from './identity.ts';
import type { Ask } from './messages.ts';
import { type Edge, type Partition, partition } from './partition.ts';
import type { Settled } from './settle.ts';
import type { Site } from './site.ts';
import { foreignSpans, type Interval, sameSpans, type Timeline } from './timeline.ts';

/** Whoever was seen with a moving identifier is told when it has gone to another customer, and since when. */
export function tellPairs(
  site: Site,
  before: Component,
  { component, relabelled, partition: parts }: Settled,
  ask: Ask | undefined,
): void {
  const told = new Set<string>(ask && !ask.word ? [pairOf(ask)] : []);
  const known = component.edges.some(isWord) ? partition(before.members, before.edges, site.rules) : parts;
  for (const edge of component.edges) {
    if (isWord(edge) || told.has(pairOf(edge))) continue;
    if (!(ask?.word || relabelled.has(edge.x) || relabelled.has(edge.y))) continue;
    told.add(pairOf(edge));
    const foreign = spansOf(component, parts, edge, site.rules);
    if (sameSpans(spansOf(before, known, edge, site.rules), foreign)) continue;
    site.send(edge.x, { kind: 'answer', y: edge.y, at: null, foreign, closed: false });
  }
}

/**
 * When a sighting of a pair of which one can move would be news: while the two belong to different customers. Not if they are apart,
 * and not behind a sighting that was refused because they may not come together: as long as both stay where they are, nor may they later.
 */
export function spansOf(
  { labels, members, edges }: Component,
  { refused }: Partition,
  { x, y }: Pick<Edge, 'x' | 'y'>,
  rules: IdentityRules,
): readonly Interval[] {
  const [one, two] = [labels.get(x), labels.get(y)];
  if (!one || !two || !isMovingPair(rules, members.get(x)?.kind, members.get(y)?.kind)) return [];
  const spans = foreignSpans(one, two);
  if (spans.length === 0 || !edges.some(isWord)) return spans;
  if (isCut(cutsOf(edges), x, y)) return [];
  const isPair = (edge: Edge): boolean => (edge.x === x && edge.y === y) || (edge.x === y && edge.y === x);
  const since = refused.filter(({ edge, kind }) => kind === null && isPair(edge)).map(({ edge }) => edge.at);
  return since.length === 0 ? spans : spans.flatMap((span) => upTo(span, since, [one, two]));
}

/** The span without what lies behind one of the times, up to the next move of either. */
function upTo([from, to]: Interval, times: readonly number[], timelines: readonly Timeline[]): readonly Interval[] {
  const moves = timelines.flatMap((timeline) => timeline.map(([start]) => start)).filter((at) => from < at && at < to);
  const starts = [...new Set([from, ...moves])].sort((a, b) => a - b);
  return starts.flatMap((start, i) => {
    const end = starts[i + 1] ?? to;
    const until = Math.min(end, ...times.filter((at) => start <= at && at < end));
    return start < until ? [[start, until] as const] : [];
  });
}

function pairOf({ x, y }: Pick<Edge, 'x' | 'y'>): string {
  return `${x}/${y}`;
}
