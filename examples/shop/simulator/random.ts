/** A stream of random numbers that is the same for the same seed, on every machine. */
export interface Random {
  /** From 0 up to and without 1. */
  next(): number;
  /** A whole number from 0 up to and without `below`. */
  int(below: number): number;
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  exponential(mean: number): number;
  /** A value of the distribution whose quantiles at equal distances the table holds, from the least to the greatest. */
  quantile(table: readonly number[]): number;
  /** A key with a probability in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** The stream of a seed; parts of different kind or number give streams that have nothing in common. */
export function seededRandom(...seed: readonly (string | number)[]): Random {
  const next = sfc32(...hashWords(seed.join('\u0000')));
  const int = (below: number): number => Math.floor(next() * below);
  return {
    next,
    int,
    between: (least, most) => least + (most - least) * next(),
    chance: (probability) => next() < probability,
    pick: (list) => {
      const found = list[int(list.length)];
      if (found === undefined) throw new RangeError('nothing to pick from');
      return found;
    },
    exponential: (mean) => -mean * Math.log(1 - next()),
    quantile: (table) => {
      const at = next() * (table.length - 1);
      const [low = 0, high = low] = table.slice(Math.floor(at), Math.floor(at) + 2);
      return low + (high - low) * (at % 1);
    },
    weighted: (weights) => {
      const entries = Object.entries(weights) as [keyof typeof weights, number][];
      let rest = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [key, weight] of entries) if ((rest -= weight) < 0) return key;
      const [last] = entries[entries.length - 1] ?? [];
      if (last === undefined) throw new RangeError('nothing to choose from');
      return last;
    },
  };
}

/** A short name for the parts of a seed, of letters and digits. */
export function seedName(...seed: readonly (string | number)[]): string {
  const [a, b] = hashWords(seed.join('\u0000'));
  return `${a.toString(36)}${b.toString(36)}`;
}

type Words = [number, number, number, number];

/** Four words of 32 bits: xmur3 by bryc, public domain. */
function hashWords(text: string): Words {
  let hash = 1779033703 ^ text.length;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 3432918353);
    hash = (hash << 13) | (hash >>> 19);
  }
  const word = (): number => {
    hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
    hash ^= hash >>> 16;
    return hash >>> 0;
  };
  return [word(), word(), word(), word()];
}

/** Small fast counting generator of Chris Doty-Humphrey (PractRand), public domain. */
function sfc32(a: number, b: number, c: number, d: number): () => number {
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}
