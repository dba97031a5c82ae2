import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { delayMetrics } from './metrics.ts';
import { SinkWorld } from './testing/sink-world.ts';
import { wayOf } from './way.ts';

const hops = [
  { hop: 'gateway', at: 100, ms: 3 },
  { hop: 'stitch', at: 140, ms: 40 },
];
const proof = { now: 90, lagMs: 10, sources: [], hops, tables: [] };

describe('the way of a request', () => {
  it('goes on from its decision by the header of its record: who decided is a hop as well', () => {
    expect(wayOf({ proof }, 'gateway=100;stitch=140;customers=170')).toEqual({
      hops: [...hops, { hop: 'customers', at: 170, ms: 30 }],
      handedOnAt: 170,
    });
  });

  it.each([
    ['when it had been held', hops],
    ['when the passing of time decided', []],
  ])('ends at the decision %s: no hop took the time that was waited', (_, known) => {
    expect(wayOf({ proof: { ...proof, hops: known } }, 'customers=90000')).toEqual({ hops: known, handedOnAt: 90_000 });
  });

  it('is that of its proof where the record does not tell', () => {
    expect(wayOf({ proof }, undefined)).toEqual({ hops, handedOnAt: undefined });
  });
});

describe('a message that is handed over', () => {
  it('is measured from what happened to the request and to the sink, and so is each hop that is known', async () => {
    const world = new SinkWorld();
    const registry = new Registry();
    const running = await world.run({ handedOver: delayMetrics(registry, ['gateway', 'customers']) });
    const now = world.timing.now();
    const at = (ms: number): number => now - 1000 + ms;
    const way = [
      { hop: 'gateway', at: at(0), ms: 3 },
      { hop: 'stitch', at: at(40), ms: 40 },
    ];
    const header = `gateway=${at(0)};stitch=${at(40)};customers=${at(90)}`;
    world.request('a', { proof: { ...proof, hops: way }, occurredAt: now - 2000 }, header);
    world.answer = async (request, { attempt }) =>
      request.id === 'a' && attempt === 1
        ? { kind: 'retry', reason: 'busy', afterMs: 5000 }
        : { kind: 'sent', reference: `<${request.id}>` };
    world.request('old', { occurredAt: null });
    await world.settled('a', 'old');
    world.request('gone', { expiresAt: now - 1 });
    await world.settled('gone');
    await world.stop(running);
    const text = await registry.metrics();
    const labels = 'activation="hello",channel="test"';
    expect(text).toContain(`freshet_activation_delay_seconds_sum{${labels},until="requested"} 2\n`);
    expect(text).toContain(`freshet_activation_delay_seconds_sum{${labels},until="handed_over"} 7\n`);
    expect(text).toContain(`freshet_activation_delay_seconds_count{${labels},until="handed_over"} 1\n`);
    expect(text).toContain('freshet_hop_seconds_sum{hop="other"} 0.04\n');
    expect(text).toContain('freshet_hop_seconds_sum{hop="customers"} 0.05\n');
    expect(text).toContain('freshet_hop_seconds_count{hop="test-sink"} 2\n');
    expect(text).toContain(`freshet_hop_seconds_sum{hop="test-sink"} ${5000 / 1000 + 0.91}\n`);
  });
});
