/**
 * 90. The demonstration.
 *
 * `npm run demo:freshness` as somebody calls it: it ends well whatever two days are drawn, prints each proof with the time of its
 * hops, and ends badly as soon as one thing is not as the model says.
 */
import { describe, expect, it } from '@jest/globals';
import { demonstrate } from '../scenarios/freshness/demonstrate.ts';
import { sh } from '../support/shell.ts';

describe('the demonstration', () => {
  it.each([2, 11])('of seed %i ends with 0 and the sum, and tells of each proof when its hops handed on', async (seed) => {
    const { code, stdout, stderr } = await sh(`npm run -s demo:freshness -- --seed ${seed}`);
    expect([code, stderr]).toEqual([0, '']);
    const sum = /^held (\d+), released (\d+), dropped (\d+), false-absences 0, wrong-releases 0$/.exec(
      stdout.split('\n').at(-1) ?? '',
    );
    const [held = 0, released = 0, dropped = 0] = (sum ?? []).slice(1).map(Number);
    expect(held).toBeGreaterThan(20);
    expect(released + dropped).toBe(held);
    expect(stdout).toMatch(/by way of tag-freshness at \w{3} \d\d:\d\d, stitch-identity \d+ ms later/);
  });

  it('ends with 1 when anything is other than the model says', async () => {
    const lines: string[] = [];
    const nothing = async () => ({ decisions: [], statuses: [], left: [] });
    expect(await demonstrate(7, (line) => lines.push(line), nothing)).toBe(1);
    expect(lines.filter((line) => line.startsWith('missing: ')).length).toBeGreaterThan(20);
  });
});
