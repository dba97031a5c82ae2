import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cartMailsByTheWall } from './late-orders.ts';
import { shopEvents } from './model.ts';

const [minute, day] = [60_000, 86_400_000];

describe('a clock on the wall, with orders ten minutes late', () => {
  it('calls as many carts abandoned that were ordered in time as the README says', () => {
    const start = Date.UTC(2026, 0, 5);
    const week = [...shopEvents({ seed: 1, start, end: start + 7 * day, eventsPerSecond: 0.05 })];
    const [half, ten] = [30, 10].map((wait) => cartMailsByTheWall(week, wait * minute, 10 * minute));
    const share = ({ said, wrong } = { said: 0, wrong: 0 }): string => `${wrong} of ${said}`;
    const readme = readFileSync(join(import.meta.dirname, '..', '..', '..', 'README.md'), 'utf8').replaceAll(/\s+/g, ' ');
    expect(readme).toContain(
      `calls ${share(ten)} carts abandoned although they were ordered within the ten minutes it waits, and ${share(half)} when it waits for half an hour`,
    );
  });
});
