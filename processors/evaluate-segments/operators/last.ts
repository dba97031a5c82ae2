import { valueOperator } from '../value-operator.ts';

/** The last value of a property in a window, or ever. */
export const last = valueOperator({
  name: 'last',
  description: 'A condition on the last value of a property.',
  says: 'last',
  picking: () => ({ add: () => undefined, remove: () => undefined, pick: (_, newest) => newest?.v }),
  key: () => '',
  combine: (_, newer) => newer,
});
