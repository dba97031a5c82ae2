import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again, ten times a second by default, until the answer passes: for what is refreshed by the clock and tells nobody. Rejects
 * with the last failure when that takes longer than `patienceMs`.
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  check: (answer: T) => void,
  { patienceMs = 30_000, everyMs = 100 } = {},
): Promise<T> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      const answer = await ask();
      check(answer);
      return answer;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await delay(everyMs);
  }
}
