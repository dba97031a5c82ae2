import { figureOperator } from '../figure.ts';

/** The average of the amounts of the events in a window. */
export const avg = figureOperator({
  name: 'avg',
  description: 'The average amount; does not hold where there is none.',
  figure: 'the average amount',
  running: () => {
    let [total, number] = [0, 0];
    return {
      add: ({ a, n = 1 }) => {
        total += a;
        number += n;
      },
      remove: ({ a, n = 1 }) => {
        total -= a;
        number -= n;
      },
      read: () => (number === 0 ? undefined : total / number),
    };
  },
  combine: (one, other) => one + other,
  monotone: () => false,
});
