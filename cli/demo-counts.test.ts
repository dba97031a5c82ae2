import { describe, expect, it } from '@jest/globals';
import { demoCounts } from './demo-counts.ts';

describe('what the demo says of itself', () => {
  it('is told as a line, each fault with its count', () => {
    const line = JSON.stringify({ kind: 'status', sent: 900, rate: 150, faults: { duplicate: 18, late: 9 } });
    expect(demoCounts(line)).toBe('sent 900 events, on purpose among them: duplicate 18, late 9');
  });

  it('is left out when it is no status', () => {
    for (const line of ['', 'hello', 'null', '[]', '{"kind":"stopped"}', '{"kind":"status","sent":1}']) {
      expect(demoCounts(line)).toBeUndefined();
    }
  });
});
