import { ConfigProblem, type JsonSchema } from '../../schemas/config.ts';
import type { LeafScope } from './operator.ts';

const comparisons = {
  at_least: (value: number, limit: number) => value >= limit,
  more_than: (value: number, limit: number) => value > limit,
  at_most: (value: number, limit: number) => value <= limit,
  less_than: (value: number, limit: number) => value < limit,
  exactly: (value: number, limit: number) => value === limit,
} as const;
export type Comparison = keyof typeof comparisons;

const words: Readonly<Record<Comparison, string>> = {
  at_least: 'at least',
  more_than: 'more than',
  at_most: 'at most',
  less_than: 'less than',
  exactly: 'exactly',
};

/** How a figure is compared with a limit. */
export interface Threshold {
  readonly comparison: Comparison;
  readonly limit: number;
  /** A figure that only grows can turn it true, never false. */
  readonly monotone: boolean;
  readonly says: string;
  holds(value: number): boolean;
}

/** The schemas of the comparisons that an operator offers. */
export function thresholdSchemas(what: string, offered: readonly Comparison[], limit: JsonSchema): Record<string, JsonSchema> {
  return Object.fromEntries(
    offered.map((comparison) => [comparison, { ...limit, description: `Holds while ${what} is ${words[comparison]} this.` }]),
  );
}

/** Exactly one of the comparisons stands in the config; otherwise ConfigProblem. */
export function thresholdOf(
  config: Readonly<Partial<Record<Comparison, number>>>,
  offered: readonly Comparison[],
  scope: LeafScope,
): Threshold {
  const given = offered.filter((comparison) => config[comparison] !== undefined);
  const [comparison] = given;
  if (comparison === undefined || given.length > 1) {
    throw new ConfigProblem(scope.path, `expected exactly one of ${offered.join(', ')}, found ${given.join(' and ') || 'none'}`);
  }
  const limit = config[comparison] as number;
  return {
    comparison,
    limit,
    monotone: comparison === 'at_least' || comparison === 'more_than',
    says: `${words[comparison]} ${limit}`,
    holds: (value) => comparisons[comparison](value, limit),
  };
}
