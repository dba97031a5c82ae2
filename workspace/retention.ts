import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import { formatDuration } from '../schemas/duration.ts';
import { topics } from '../schemas/topics.ts';
import type { Problem } from './problems.ts';
import type { Compiled } from './yaml-file.ts';

/**
 * Segments with a window that is longer than the history is retained: what they count cannot be made from the log when the rule is
 * edited or new, or when a customer is split, and grows only from then on.
 */
export function retentionWarnings(segments: readonly Compiled<Pick<CompiledSegment, 'name' | 'leaves'>>[]): readonly Problem[] {
  const { retention, name } = topics.eventsIdentified;
  if (retention.kind !== 'delete' || retention.retentionMs < 0) return [];
  const { retentionMs } = retention;
  return segments.flatMap(({ file, value }) =>
    value.leaves.flatMap(({ leaf }) => {
      const { reach, meaning } = leaf;
      if (reach === undefined || !Number.isFinite(reach) || reach <= retentionMs) return [];
      const [operator = 'a leaf'] = Object.keys(meaning as object);
      const message = `${value.name}: the ${operator} of ${leaf.events.join(', ')} looks back ${formatDuration(reach)}, but ${name} is retained ${formatDuration(retentionMs)}: after an edit it is complete only for what came since`;
      return [file.problem(['when'], message)];
    }),
  );
}
