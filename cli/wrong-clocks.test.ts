import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { promTaskMetrics } from '../runtime/metrics.ts';
import { clockAlerts, clockInWords, wrongClocks } from './wrong-clocks.ts';

function counted(...flags: readonly (readonly [source: string, reason: string, partition?: number])[]): Registry {
  const registry = new Registry();
  const metrics = promTaskMetrics(registry);
  for (const [source, reason, partition = 0] of flags)
    metrics.counted({ processor: 'tag-freshness', partition }, 'flagged', { source, reason }, 1);
  metrics.counted({ processor: 'tag-freshness', partition: 0 }, 'skipped', { source: 'tills', reason: 'future-clamped' }, 1);
  return registry;
}

describe('clocks that are not believed', () => {
  it('are told by source, with how many events: those of the future, and those by a clock that is wrong', async () => {
    const registry = counted(
      ['site', 'skew-corrected'],
      ['tills', 'future-clamped'],
      ['tills', 'future-clamped', 1],
      ['tills', 'no-message-id'],
    );
    const clocks = await wrongClocks(registry);
    expect(clocks).toEqual([
      { source: 'site', kind: 'skew', count: 1 },
      { source: 'tills', kind: 'future', count: 2 },
    ]);
    expect(clocks.map(clockInWords)).toEqual(['1 event by a clock that is wrong, put right', '2 events of the future, set back']);
    expect(await registry.metrics()).toContain(
      'freshet_processor_events_total{processor="tag-freshness",kind="flagged",reason="future-clamped",source="tills"} 2',
    );
  });

  it('are nobody where all are right', async () => {
    expect(await wrongClocks(counted())).toEqual([]);
    expect(await wrongClocks(new Registry())).toEqual([]);
  });

  it('are a warning in the log when a source tells of the future, at most once a minute, and only when there is more', () => {
    const logged: string[] = [];
    const tell = clockAlerts((level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`));
    const future = (count: number) => [{ source: 'tills', kind: 'future' as const, count }];
    tell([{ source: 'site', kind: 'skew', count: 5 }], 0);
    tell(future(2), 0);
    tell(future(3), 59_999);
    tell(future(3), 60_000);
    tell(future(3), 180_000);
    expect(logged).toEqual([
      'warn events of the future {"source":"tills","events":2}',
      'warn events of the future {"source":"tills","events":1}',
    ]);
  });
});
