import { describe, expect, it } from '@jest/globals';
import { fakeSnapshot } from '../services/testing/fake-views.ts';
import { walkLines } from './walk-status.ts';

describe('freshet status', () => {
  const { walk, status, clocks } = fakeSnapshot();
  const answer = { perSecond: walk.perSecond, times: status.times, sources: status.sources, clocks };

  it('tells how long it takes to a message, names the slowest hop, and how the sources are', () => {
    const text = walkLines(answer).join('\n');
    expect(text).toContain('from what happened to the message: half within 140 ms, 95 % within 2.1 s, of the last 312');
    expect(text).toMatch(/evaluate-segments {2}half within 24 ms, 95 % within 1\.5 s {2}<- the slowest/);
    expect(text.match(/the slowest/g)).toHaveLength(1);
    expect(text).toMatch(/till +fresh since \S+, seen up to \S+; 2 events of the future, set back\n/);
    expect(text).toMatch(/warehouse +stale since \d{4}-\S+Z, seen up to \d{4}-\S+Z/);
  });

  it('says that there is nothing to tell yet', () => {
    const text = walkLines({ perSecond: 0, times: { hops: [], slowest: null, message: null }, sources: [], clocks: [] }).join(
      '\n',
    );
    expect(text).toContain('no message has been handed over yet');
  });
});
