import { describe, expect, it } from '@jest/globals';
import { Watchdog } from './watchdog.ts';

describe('a watchdog', () => {
  it('says nothing while there is progress, or nothing to do', () => {
    const dog = new Watchdog(1000);
    for (let now = 0; now < 10_000; now += 500) expect(dog.stalled(true, `at ${now}`, now)).toBe(false);
    for (let now = 10_000; now < 20_000; now += 500) expect(dog.stalled(false, 'the end', now)).toBe(false);
  });

  it('notices what stands still with work before it, and waits longer each time', () => {
    const dog = new Watchdog(1000);
    const barks: number[] = [];
    for (let now = 0; now <= 6000; now += 100) if (dog.stalled(true, 'stuck', now)) barks.push(now);
    expect(barks).toEqual([1000, 3000, 6000]);
    expect(dog.stalls).toBe(3);
  });

  it('begins anew once something has moved', () => {
    const dog = new Watchdog(1000);
    dog.stalled(true, 'stuck', 0);
    expect(dog.stalled(true, 'stuck', 1000)).toBe(true);
    dog.stalled(true, 'further', 1100);
    expect(dog.stalls).toBe(0);
    expect(dog.stalled(true, 'further', 2100)).toBe(true);
  });
});
