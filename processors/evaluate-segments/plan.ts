import type { Due } from '../../runtime/processor.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import { segmentClock, type SegmentClock } from './clocks.ts';
import type { PlannedFigure } from './figures.ts';
import type { Leaf } from './operator.ts';
import type { CompiledSegment } from './segment.ts';

export interface PlannedSegment {
  readonly segment: CompiledSegment;
  readonly clock: SegmentClock;
}

/** What a record can touch, worked out once from the segments and sources. */
export interface Plan {
  readonly segments: ReadonlyMap<string, PlannedSegment>;
  readonly leaves: ReadonlyMap<string, Leaf>;
  /** By event name: leaves that listen to it. */
  readonly listening: ReadonlyMap<string, readonly string[]>;
  /** By leaf: the segments that use it. */
  readonly users: ReadonlyMap<string, readonly PlannedSegment[]>;
  /** Figures that are published as traits; of several of one name the first. */
  readonly figures: readonly PlannedFigure[];
  /** Segments to which a customer can belong by merely being known. */
  readonly open: readonly PlannedSegment[];
  /** Generation of the rules; 0 where none are kept. */
  readonly number: number;
  /** When customers turn from these rules to newer ones, if there are such. */
  readonly turn?: Due;
  readonly sources: readonly SourceConfig[];
}

export const leafPart = (hash: string): string => `l${hash}`;

export function planOf(segments: readonly CompiledSegment[], sources: readonly SourceConfig[]): Plan {
  const planned = segments.map((segment) => ({ segment, clock: segmentClock(segment, sources) }));
  const leaves = new Map(segments.flatMap(({ leaves }) => leaves.map(({ hash, leaf }) => [hash, leaf] as const)));
  const listening = new Map<string, string[]>();
  for (const [hash, leaf] of leaves) {
    for (const event of leaf.events) listening.set(event, [...(listening.get(event) ?? []), hash]);
  }
  const uses = (hash: string): PlannedSegment[] =>
    planned.filter(({ segment }) => segment.leaves.some((leaf) => leaf.hash === hash));
  const figures = planned.flatMap(({ segment, clock }) =>
    segment.leaves.flatMap(({ hash, leaf, as: name }): PlannedFigure[] =>
      name === undefined || leaf.figure === undefined ? [] : [{ name, hash, leaf, figure: leaf.figure, clock }],
    ),
  );
  return {
    figures: figures.filter(({ name }, index) => figures.findIndex((other) => other.name === name) === index),
    segments: new Map(planned.map((each) => [each.segment.key, each])),
    leaves,
    listening,
    users: new Map([...leaves.keys()].map((hash) => [hash, uses(hash)])),
    open: planned.filter(({ segment }) => segment.holdsOnNothing),
    number: 0,
    sources,
  };
}

/** Parts that deciding these segments needs. */
export function partsOf(segments: Iterable<PlannedSegment>): string[] {
  return [...new Set([...segments].flatMap(({ segment }) => segment.leaves.map(({ hash }) => leafPart(hash))))];
}
