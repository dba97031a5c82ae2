import { valueOperator } from '../value-operator.ts';

/** The first value of a property in a window, or ever. */
export const first = valueOperator({
  name: 'first',
  description: 'A condition on the first value of a property.',
  says: 'first',
  picking: () => ({ add: () => undefined, remove: () => undefined, pick: (oldest) => oldest?.v }),
  key: () => '',
  combine: (older) => older,
});
