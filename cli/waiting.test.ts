import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { segmentCompiler } from '../processors/evaluate-segments/segment.ts';
import { encodeCell, dataKey, hintKey, partId } from '../runtime/state/layout.ts';
import { memoryEngine } from '../runtime/state/memory.ts';
import type { Due } from '../runtime/processor.ts';
import type { Store } from '../runtime/state/store.ts';
import { compileSource } from '../schemas/source-schema.ts';
import { waitingMetrics, waitingView } from './waiting.ts';

const key = `sha256:${'0'.repeat(64)}`;
const common = { description: 'd', owner: 'o', endpoint: { write_keys: [key] }, lateness: '5s' };
const till = compileSource({ source: 'till', ...common, events: ['Paid'] }, {});
const site = compileSource({ source: 'site', ...common, events: ['Booked'] }, {});
const left = segmentCompiler(
  'UTC',
  () => undefined,
)({
  segment: 'left-halfway',
  description: 'd',
  when: { absence: { of: 'Paid', after: 'Booked', within: '30m' } },
});
const clock = 'site+till';
const tick = 1_000_000;

async function put(store: Store, customer: string, part: string, value: unknown, due: readonly Due[]): Promise<void> {
  const id = partId(customer, part);
  await store.write([
    { kind: 'put', key: dataKey(id), value: encodeCell({ value, due, hold: undefined }) },
    ...due.map(({ clock: name, at }) => ({ kind: 'put' as const, key: hintKey('t', name, at, id), value: Buffer.alloc(0) })),
  ]);
}

const memberships = (next: number) => ({
  customer: 'c',
  since: 0,
  seq: 0,
  after: null,
  of: { 'left-halfway': { in: false, seq: 0, decided: null, next, version: 'v' } },
});

async function world(watermarks: Readonly<Record<string, number>>): Promise<ReturnType<typeof waitingView>> {
  const store = await memoryEngine().open('customers-0');
  for (const [index, next] of [900_000, 950_000, 991_000, 999_000].entries())
    await put(store, `c${index}`, 'evaluate-segments/m', memberships(next), [{ clock, at: next }]);
  const held = { activation: 'a-word', decidedAt: 940_000, waitsFor: [{ clock: 'till', at: 970_000 }] };
  await put(store, 'c0', 'plan-activations/h', [held], [...held.waitsFor, { clock: 'tick', at: 2_000_000 }]);
  const reach = Object.fromEntries(Object.entries(watermarks).map(([name, at]) => [name, { at, ended: false }]));
  const worker = {
    processor: { name: 'customers' },
    status: () => [{ partition: 0, watermarks: reach }],
    task: () => ({ view: store }),
  };
  return waitingView({ pipeline: { workers: [worker], progress: { tick } }, segments: [left], sources: [till, site] });
}

describe('who waits for which source', () => {
  it('is told by rule, with the time of the first: of decisions whose time has come, and of messages that are held', async () => {
    const waiting = await world({ till: 930_000, site: 994_000 });
    expect(waiting()).toEqual([
      { source: 'till', kind: 'message', rule: 'a-word', count: 1, atLeast: false, since: 940_000 },
      { source: 'till', kind: 'decision', rule: 'left-halfway', count: 2, atLeast: false, since: 950_000 },
    ]);
  });

  it('is nobody while the sources are only as late as they may be', async () => {
    const waiting = await world({ till: 993_000, site: 994_000 });
    expect(waiting()).toEqual([]);
  });

  it('names of several sources the one that is furthest behind', async () => {
    const waiting = await world({ till: 994_000, site: 980_000 });
    expect(waiting()).toMatchObject([{ source: 'site', rule: 'left-halfway', count: 1 }]);
  });

  it('is a metric by source and rule, which goes when nobody waits any more', async () => {
    const registry = new Registry();
    let waiting = (await world({ till: 930_000, site: 994_000 }))();
    waitingMetrics(
      registry,
      () => waiting,
      () => tick,
    );
    const text = await registry.metrics();
    expect(text).toMatch(/^freshet_source_waiting\{source="till",kind="decision",rule="left-halfway"\} 2$/m);
    expect(text).toMatch(/^freshet_source_waiting_seconds\{source="till",kind="decision",rule="left-halfway"\} 50$/m);
    waiting = [];
    expect(await registry.metrics()).not.toMatch(/till/);
  });
});
