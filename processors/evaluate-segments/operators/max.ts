import { extreme, figureOperator } from '../figure.ts';

/** The largest amount of the events in a window. */
export const max = figureOperator({
  name: 'max',
  description: 'The largest amount; does not hold where there is none.',
  figure: 'the largest amount',
  running: extreme((one, other) => one > other),
  combine: Math.max,
  monotone: (comparison) => comparison === 'at_least' || comparison === 'more_than',
});
