import { afterAll, expect } from '@jest/globals';
import { standOn, start } from '../../support/walk.ts';
import { Dice, faultyGround } from './fault-layer.ts';

// F37: a chapter of the walk, unchanged, while two calls in a hundred fail: transactions that are refused, left open, or done with
// their answer lost; stores that cannot be opened, read or written; a registry that is away. The same seed, the same faults.

const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
const probability = 0.02;
const dice = new Dice(seed, probability);
standOn(() => faultyGround(dice, start));

afterAll(() => {
  const kinds = [...dice.faults].map(([name, count]) => `${name} ${count}`).join(', ');
  process.stderr.write(`freshet: F37: seed ${seed}, calls ${dice.calls}, faults ${dice.total} (${kinds})\n`);
  // Chapters that make many calls show that the layer does what it says.
  if (dice.calls > 3_000) expect(dice.total / dice.calls).toBeGreaterThan(probability / 2);
});
