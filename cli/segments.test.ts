import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { explainMembership } from '../processors/evaluate-segments/explain.ts';
import { segmentCompiler } from '../processors/evaluate-segments/segment.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { recordsOfFiles, sourceOfFiles } from './identity-events.ts';
import { historiesOfFiles, type Histories } from './segment-histories.ts';
import { costLines, differenceLines, explanationLines, simulationLines } from './segment-report.ts';
import { costsOf, differencesOf, runSegments, statesOf } from './segment-simulate.ts';

const day = 86_400_000;
const start = Date.UTC(2026, 0, 5);
const call = (id: string, days: number, more: object): object => ({
  messageId: id,
  timestamp: new Date(start + days * day).toISOString(),
  type: 'track',
  ...more,
});
const calls = [
  call('a1', 0, { anonymousId: 'visitor', event: 'Order Completed', properties: { order_id: 'o1', total: 300 } }),
  call('a2', 1, { type: 'identify', anonymousId: 'visitor', userId: 'ada', traits: { plan: 'gold' } }),
  call('a3', 2, { userId: 'ada', event: 'Order Completed', properties: { order_id: 'o2', total: 20 } }),
  call('b1', 3, { userId: 'bob', event: 'Order Completed', properties: { order_id: 'o3', total: 20 } }),
  { type: 'track', event: 'Order Completed' },
];

let dir: string;
let histories: Histories;
let workspace: Workspace;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'segments-cli-'));
  const file = join(dir, 'calls.ndjson');
  await writeFile(file, calls.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const env = { FRESHET_SECRET: 'secret of a test', SHOP_WRITE_KEY: 'key' };
  workspace = await loadWorkspace(join(import.meta.dirname, '../examples/shop'), env);
  const source = sourceOfFiles(workspace.sources, undefined);
  const none = (): void => undefined;
  histories = await historiesOfFiles(recordsOfFiles([file], source, none), source, workspace, start + 10 * day);
});
afterAll(() => rm(dir, { recursive: true }));

const compile = segmentCompiler('UTC', (name) => (name === 'golden' ? { trait: { name: 'plan', equals: 'gold' } } : undefined));
const twice = compile({
  segment: 'golden-twice',
  when: { all: [{ segment: 'golden' }, { count: { of: 'Order Completed', within: '7d', at_least: 2 } }] },
});
const never = compile({ segment: 'never', when: { none: [{ count: { of: 'Order Completed', at_least: 1 } }] } });

describe('a history of files', () => {
  it('has the events of those who became one as one customer, and says what could not be used', () => {
    const all = histories.all();
    const ids = [...all.values()].map((events) => events.map(({ messageId }) => messageId));
    expect(ids.toSorted((one, other) => other.length - one.length)).toEqual([['a1', 'a2', 'a3'], ['b1']]);
    expect(histories.named('user_id', 'ada')).toBe(histories.named('anonymous_id', 'visitor'));
    expect(histories.rejected).toBe(1);
  });

  it('runs through segments: who came, who went, and how many there were', () => {
    const times = [start + 2 * day, start + 9 * day];
    const runs = runSegments([twice, never], histories.all(), times);
    expect(runs.map(({ entries, exits, sizes }) => [entries, exits, sizes])).toEqual([
      [1, 1, [1, 0]],
      [0, 0, [0, 0]],
    ]);
    expect(simulationLines(runs, times, 2)[2]).toBe('golden-twice          1        1        1        0');
  });

  it('is compared with that of other rules: who would enter and leave', () => {
    const stricter = compile({ segment: 'golden-twice', when: { count: { of: 'Order Completed', at_least: 3 } } });
    const fresh = compile({ segment: 'fresh', when: { count: { of: 'Order Completed', at_least: 1 } } });
    const differences = differencesOf([twice], [stricter, fresh], histories.all(), start + 3 * day);
    expect(
      differences.map(({ segment, before, after, enter, leave }) => [segment, before, after, enter.length, leave.length]),
    ).toEqual([
      ['fresh', 0, 2, 2, 0],
      ['golden-twice', 1, 0, 0, 1],
    ]);
    expect(differenceLines(differences)[2]).toBe('golden-twice            1            0            0            1');
  });

  it('tells what the leaves cost', () => {
    const costs = costsOf(workspace.segments, histories.all(), start + 4 * day);
    const orders = costs.find(({ segment }) => segment === 'big-basket');
    expect(orders?.customers).toBe(2);
    expect(orders?.largest).toBeGreaterThan(10);
    expect(orders?.largest).toBeLessThan(100);
    expect(costLines(costs)).toHaveLength(costs.length + 1);
  });
});

describe('why somebody belongs to a segment', () => {
  const explained = (at: number): readonly string[] => {
    const customer = histories.named('user_id', 'ada') ?? '';
    const events = (histories.all().get(customer) ?? []).map((event, offset) => ({
      ...event,
      position: { topic: 'events.identified', partition: 3, offset },
    }));
    const states = statesOf(twice, events);
    const found = explainMembership(twice, customer, (hash) => states.get(hash), start, at);
    return explanationLines({ customer: 'c_ada', segment: twice.name, at }, found, events);
  };

  it('is told part by part, with the events behind each and the next deadline', () => {
    expect(explained(start + 3 * day)).toEqual([
      'c_ada belongs to golden-twice at 2026-01-08T00:00:00.000Z, since 2026-01-07T00:00:00.000Z',
      `next change by what is known: 2026-01-12T00:00:00.000Z; version ${twice.version.slice(0, 15)}`,
      '✓ all',
      '  ✓ segment golden',
      '    ✓ trait plan equals "gold" holds',
      '        2026-01-06T00:00:00.000Z  a2  events.identified-3 at 1',
      '  ✓ 2 Order Completed within 7d, wanted at least 2, until 2026-01-12T00:00:00.000Z',
      '      2026-01-05T00:00:00.000Z  a1  events.identified-3 at 0',
      '      2026-01-07T00:00:00.000Z  a3  events.identified-3 at 2',
    ]);
  });

  it('is told as well when he does not, at any time', () => {
    expect(explained(start + day - 1)).toEqual([
      'c_ada does not belong to golden-twice at 2026-01-05T23:59:59.999Z',
      `next change by what is known: 2026-01-07T00:00:00.000Z; version ${twice.version.slice(0, 15)}`,
      '✗ all',
      '  ✗ segment golden',
      '    ✗ trait plan equals "gold" does not hold, until 2026-01-06T00:00:00.000Z',
      '  ✗ 1 Order Completed within 7d, wanted at least 2, until 2026-01-07T00:00:00.000Z',
      '      2026-01-05T00:00:00.000Z  a1  events.identified-3 at 0',
    ]);
  });
});
