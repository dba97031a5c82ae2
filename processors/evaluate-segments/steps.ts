/** Truth as a function of time: `initial`, then at each step, ascending, the truth from that time on. Neighbours may be equal. */
export interface Steps {
  readonly initial: boolean;
  readonly steps: Iterable<readonly [at: number, holds: boolean]>;
}

/** The truth at `at`. */
export function holdsAt({ initial, steps }: Steps, at: number): boolean {
  let truth = initial;
  for (const [time, holds] of steps) {
    if (time > at) break;
    truth = holds;
  }
  return truth;
}

/** The first time after `at` with another truth than at `at`; +Infinity if there is none. */
export function nextFlip({ initial, steps }: Steps, at: number): number {
  let truth = initial;
  for (const [time, holds] of steps) {
    if (time <= at) truth = holds;
    else if (holds !== truth) return time;
  }
  return Number.POSITIVE_INFINITY;
}
