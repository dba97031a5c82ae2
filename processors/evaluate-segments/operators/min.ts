import { extreme, figureOperator } from '../figure.ts';

/** The smallest amount of the events in a window. */
export const min = figureOperator({
  name: 'min',
  description: 'The smallest amount; does not hold where there is none.',
  figure: 'the smallest amount',
  running: extreme((one, other) => one < other),
  combine: Math.min,
  monotone: (comparison) => comparison === 'at_most' || comparison === 'less_than',
});
