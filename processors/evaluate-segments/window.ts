import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import { durationSchema, formatDuration, parseDuration } from '../../schemas/duration.ts';
import type { LeafScope } from './operator.ts';

/** A length of time in milliseconds; +Infinity where the config names none. Zero: ConfigProblem. */
export function spanOf(value: string | undefined, field: string, scope: LeafScope): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const path = [...scope.path, field];
  const ms = parseDuration(value, path);
  if (ms === 0) throw new ConfigProblem(path, 'expected a duration above zero');
  return ms;
}

/** As plain data, for a meaning: null stands for ever. */
export function meaningOfSpan(ms: number): number | null {
  return ms === Number.POSITIVE_INFINITY ? null : ms;
}

export function saySpan(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'ever' : `within ${formatDuration(ms)}`;
}

export const withinSchema: JsonSchema = durationSchema(
  'Only events that happened at most so long ago; all there ever were when left out.',
);
