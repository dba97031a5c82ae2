import { canonical } from '../canonical.ts';
import { valueOperator, type Picking, type Valued } from '../value-operator.ts';

/** The value of a property that most events in a window have; of several the one that comes first in the alphabet. */
export const mostFrequent = valueOperator({
  name: 'most_frequent',
  description: 'A condition on the most frequent value of a property; of several as frequent, the first of the alphabet.',
  says: 'most frequent',
  picking: counting,
  key: ({ v }) => canonical(v),
  combine: (older, newer) => ({ ...newer, n: (older.n ?? 1) + (newer.n ?? 1) }),
});

function counting(): Picking {
  const times = new Map<string, { value: unknown; n: number }>();
  const move = ({ v, n = 1 }: Valued, sign: number): void => {
    const key = canonical(v);
    const counted = (times.get(key)?.n ?? 0) + n * sign;
    if (counted > 0) times.set(key, { value: v, n: counted });
    else times.delete(key);
  };
  return {
    add: (entry) => move(entry, 1),
    remove: (entry) => move(entry, -1),
    pick: () => {
      let best: [key: string, value: unknown, n: number] | undefined;
      for (const [key, { value, n }] of times)
        if (best === undefined || n > best[2] || (n === best[2] && key < best[0])) best = [key, value, n];
      return best?.[1];
    },
  };
}
