import { describe, expect, it } from '@jest/globals';
import { jsonLog } from './log.ts';

describe('the log', () => {
  it('is one object a line, which keeps what happened apart from why', () => {
    const lines: string[] = [];
    const log = jsonLog((line) => lines.push(line));
    log('warn', 'task takes over afresh', { task: 'count-1', message: 'nobody there' });
    log('debug', 'not told');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      message: 'task takes over afresh',
      task: 'count-1',
      reason: 'nobody there',
    });
  });
});
