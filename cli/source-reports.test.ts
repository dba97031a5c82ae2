import { expect, it } from '@jest/globals';
import { ManualClock } from '../runtime/clock.ts';
import { MemoryBroker } from '../runtime/testing/memory-kafka.ts';
import type { SourceFreshness } from '../schemas/generated/types.ts';
import { MemoryRegistry } from '../schemas/registry/memory.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { lastReports } from './source-reports.ts';

const report = (source: string, at: number): SourceFreshness => ({
  source,
  status: 'fresh',
  watermark: at,
  asOf: at,
  lastEventAt: null,
  lagMs: 0,
  since: 1,
  at,
  before: null,
  expectedAt: null,
  link: null,
});

it('the newest report of each source is found, read by a process that has not seen its schema', async () => {
  const broker = new MemoryBroker({ clock: new ManualClock(1000) });
  const kafka = broker.client();
  const registry = new MemoryRegistry();
  const writer = createSerdes({ registry });
  await writer.register();
  await kafka.admin.createTopics([{ name: 'reports', partitions: 2, config: {} }]);
  expect(await lastReports(kafka, 'reports', writer)).toEqual([]);
  const append = (partition: number, ...reports: readonly SourceFreshness[]): unknown =>
    broker.append(
      'reports',
      partition,
      reports.map((each) => ({ key: Buffer.from(each.source), value: writer.of(topics.sourcesFreshness).encode(each) })),
    );
  append(0, report('web', 10), report('till', 20), report('web', 30));
  append(1, report('stock', 5));
  const found = await lastReports(kafka, 'reports', createSerdes({ registry }));
  expect(found.map(({ source, at }) => `${source} ${at}`).toSorted()).toEqual(['stock 5', 'till 20', 'web 30']);
  await kafka.close();
});
