import type { JsonSchema } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';

/** What becomes of a message whose facts are older than it allows. */
export type Beyond = 'hold' | 'drop' | 'send_anyway';

/** How old the facts of a source may be when a message rests on them, and what happens beyond. */
export interface FreshnessDemand {
  /** By source, milliseconds. */
  readonly maxAgeMs: Readonly<Record<string, number>>;
  readonly beyond: Beyond;
}

/** A demand as a file says it, beside its other fields. */
export interface DemandYaml {
  readonly max_age?: Readonly<Record<string, string>>;
  readonly beyond?: Beyond;
}

/** The properties of a file that may make a demand; `beyond` depends on `max_age`. */
export const demandProperties: Readonly<Record<'max_age' | 'beyond', JsonSchema>> = {
  max_age: {
    type: 'object',
    minProperties: 1,
    description: 'How old the facts of a source may be, its age and our lag together, by the name of the source.',
    additionalProperties: durationSchema('The age allowed.'),
  },
  beyond: {
    enum: ['hold', 'drop', 'send_anyway'],
    description:
      'What happens beyond max_age. hold (when left out): it waits until the sources have caught up, at most for valid_for; drop; send_anyway.',
  },
};

/** Compiles it; undefined where nothing is demanded. Throws ConfigProblem. */
export function demandOf({ max_age, beyond }: DemandYaml): FreshnessDemand | undefined {
  if (max_age === undefined) return undefined;
  const ages = Object.entries(max_age).map(([source, age]) => [source, parseDuration(age, ['max_age', source])] as const);
  return { maxAgeMs: Object.fromEntries(ages), beyond: beyond ?? 'hold' };
}

/** All demands together: of each source the least age, and beyond it what the first says that demands anything. */
export function joinDemands(...demands: readonly (FreshnessDemand | undefined)[]): FreshnessDemand | undefined {
  const [first, ...others] = demands.filter((demand) => demand !== undefined);
  if (first === undefined) return undefined;
  const maxAgeMs = { ...first.maxAgeMs };
  for (const other of others)
    for (const [source, age] of Object.entries(other.maxAgeMs))
      maxAgeMs[source] = Math.min(age, maxAgeMs[source] ?? Number.POSITIVE_INFINITY);
  return { maxAgeMs, beyond: first.beyond };
}
