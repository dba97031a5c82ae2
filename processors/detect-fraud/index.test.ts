import { afterEach, describe, expect, it } from '@jest/globals';
import { type HandoverMarker, withHandover } from '../../runtime/handover.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import type { IdentifiedEvent, TaggedEvent } from '../../schemas/generated/types.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { compileSource } from '../../schemas/source-schema.ts';
import { topics } from '../../schemas/topics.ts';
import { changed, login } from './fixture.ts';
import { detectFraud } from './index.ts';

const minute = 60_000;
let driver: TopologyTestDriver;

async function start(): Promise<void> {
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  await serdes.register();
  const site = { source: 'site', description: 'd', owner: 'us', topic: {}, fed_by: { relay: 'hourly' } };
  const detect = detectFraud({}, [compileSource(site, {})]);
  const marker = ({ topic, value }: { topic: string; value: unknown }): HandoverMarker | undefined =>
    topic === topics.eventsIdentified.name ? ((value as IdentifiedEvent).marker ?? undefined) : undefined;
  const handing = withHandover(detect, { marker, loop: topics.customersLoop, merge: detect.merge, sources: ['site'] });
  const now = 163 * minute;
  driver = await TopologyTestDriver.start({ processors: [handing], serdes, rejected: topics.eventsRejected, now });
}
afterEach(() => driver.close());

const pipe = (customer: string, event: TaggedEvent): void =>
  driver.pipe(
    topics.eventsIdentified,
    customer,
    { customer, event, marker: null },
    { headers: { hops: `gateway=${event.receivedAt};stitch-identity=${event.receivedAt + 20}` } },
  );
const mark = (customer: string, kind: string): void =>
  driver.pipe(topics.eventsIdentified, customer, {
    customer,
    event: null,
    marker: { kind, loser: 'c_old', winner: 'c_new', members: ['m'], detail: '' },
  });

describe('detect-fraud as a task', () => {
  it('writes an alert with the freshness of what it rests on', async () => {
    await start();
    pipe('c_new', login('a', 0, 'known'));
    pipe('c_new', login('b', 100, 'new'));
    await driver.watermark('site', 103 * minute);
    pipe('c_new', changed('c', 104, 'new'));
    await driver.settle();
    const [alert] = driver.read(topics.fraudAlerts);
    expect(alert).toMatchObject({ key: 'c_new', value: { customer: 'c_new', events: ['b', 'c'], effectiveAt: 104 * minute } });
    const { proof } = alert?.value ?? {};
    expect(proof).toMatchObject({
      now: 103 * minute,
      sources: [
        {
          source: 'site',
          watermark: 103 * minute,
          asOf: 104 * minute,
          ageMs: 0,
          status: 'lagging',
          link: 'relay, every 1h',
        },
      ],
    });
    expect(proof?.hops).toEqual([
      { hop: 'gateway', at: 104 * minute, ms: 0 },
      { hop: 'stitch-identity', at: 104 * minute + 20, ms: 20 },
    ]);
    expect(alert?.headers['rule']?.toString()).toBe('new-device-then-address');
  });

  it('knows the devices of a customer that has merged into another', async () => {
    await start();
    pipe('c_old', login('a', 0, 'known'));
    mark('c_new', 'opening');
    mark('c_old', 'closing');
    mark('c_old', 'sealed');
    await driver.settle();
    pipe('c_new', login('b', 100, 'new'));
    pipe('c_new', changed('c', 104, 'new'));
    pipe('c_new', login('d', 200, 'known'));
    pipe('c_new', changed('e', 201, 'known'));
    await driver.settle();
    expect(driver.read(topics.fraudAlerts).map(({ value }) => value.events)).toEqual([['b', 'c']]);
    expect(driver.parts('detect-fraud', 'c_old')).toEqual(['~']);
  });
});
