import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectRoot } from '../infra/local/settings.ts';
import type { IdentifiedEvent, MembershipChange, TaggedEvent } from '../schemas/generated/types.ts';
import { opaqueKey } from '../schemas/keys.ts';
import { tillRecord, webCall } from './chaos/calls.ts';
import { happenings, type Happening } from './chaos/events.ts';
import { drawFaults } from './chaos/faults.ts';
import { Counts } from './chaos/judge/counts.ts';
import { HopsJudge } from './chaos/judge/hops.ts';
import { judgeIdentity } from './chaos/judge/identity.ts';
import { MembershipJudge } from './chaos/judge/membership.ts';
import { RawLog } from './chaos/judge/raw-log.ts';
import { stepsOf } from './chaos/judge/rules.ts';
import { mutations } from './chaos/mutations.ts';
import { SECRET } from './chaos/settings.ts';

function first(seed: number, count: number): Happening[] {
  const source = happenings(seed);
  return Array.from({ length: count }, () => source.next().value);
}

describe('a chaos run', () => {
  it('has the same events and the same faults when its seed is given again, and others with another', () => {
    const counts = {
      kills: 12,
      stalls: 3,
      rebalances: 1,
      fullDisks: 1,
      gatewayKills: 1,
      brokerKills: 3,
      brokerRestarts: 1,
      registryOutages: 1,
    };
    expect(first(7, 2_000)).toEqual(first(7, 2_000));
    expect(first(7, 50)).not.toEqual(first(8, 50));
    expect(drawFaults(7, counts)).toEqual(drawFaults(7, counts));
    expect(drawFaults(7, counts)).not.toEqual(drawFaults(8, counts));
    expect(drawFaults(7, counts).flat()).toHaveLength(23);
  });

  it.each(Object.entries(mutations))('can switch off what %s says: the text is in its module once', (_, replacements) => {
    for (const { file, find } of replacements) expect(readFileSync(join(projectRoot, file), 'utf8').split(find)).toHaveLength(2);
  });
});

/** Events at given times of one account, as their records lie in the raw topic of the web. */
function logOf(count: number): { log: RawLog; events: readonly Happening[] } {
  const events = first(1, 5_000)
    .filter(
      ({ route, device, poison, name }) => route === 'web' && device === null && poison === undefined && name !== 'Identify',
    )
    .slice(0, count)
    .map((event): Happening => ({ ...event, user: 'ada', email: null }));
  const log = new RawLog();
  for (const [offset, event] of events.entries()) {
    const value = Buffer.from(webCall(event, 1_000 * offset));
    log.take('web', { partition: 0, offset, key: Buffer.from('ada'), value });
  }
  return { log, events };
}

const key = opaqueKey(SECRET, 'user_id', 'ada');
const place = (offset: number, of = key) => ({ partition: 0, offset, key: of });
const tagged = ({ id }: Happening, offset: number): TaggedEvent =>
  ({ messageId: id, origin: { topic: 'events.raw', partition: 0, offset } }) as TaggedEvent;
const identified = (event: Happening, offset: number, customer = 'c_ada'): IdentifiedEvent => ({
  customer,
  event: tagged(event, offset),
  marker: null,
});

/** Feeds the first two hops as they should be, changed by whoever plants a fault. */
function judged(
  plant: (rows: [Happening, number][]) => [Happening, number][],
  customer: (event: Happening) => string = () => 'c_ada',
) {
  const { log, events } = logOf(20);
  const counts = new Counts();
  const hops = new HopsJudge(log, counts);
  for (const [offset, event] of events.entries()) hops.tagged(place(offset), tagged(event, offset));
  const rows = plant(events.map((event, offset) => [event, offset]));
  for (const [event, offset] of rows) hops.identified(place(offset, customer(event)), identified(event, offset, customer(event)));
  hops.finish();
  judgeIdentity(log, hops, counts);
  return { counts, log, hops, events };
}

describe('the judge of a chaos run', () => {
  const swapped = <T>(rows: readonly T[], at: number): T[] => rows.with(at, rows[at + 1] as T).with(at + 1, rows[at] as T);

  it('finds nothing where nothing is wrong', () => {
    expect(judged((rows) => rows).counts.lines()).toEqual([]);
  });

  it('finds what is lost, doubled, swapped, invented, and labelled with another customer', () => {
    expect(judged((rows) => rows.toSpliced(5, 1)).counts.of('lost')).toBe(1);
    expect(judged((rows) => rows.toSpliced(5, 0, rows[5] as [Happening, number])).counts.of('duplicated')).toBe(1);
    expect(judged((rows) => swapped(rows, 5)).counts.of('out-of-order')).toBe(1);
    const invented = (rows: [Happening, number][]): [Happening, number][] => [...rows, [{ id: 'e999999' } as Happening, 5]];
    expect(judged(invented).counts.of('duplicated')).toBe(1);
    expect(
      judged(
        (rows) => rows,
        ({ index }) => (index % 2 ? 'c_ada' : 'c_bob'),
      ).counts.of('state-diff'),
    ).toBeGreaterThan(0);
  });

  it('finds records that were tagged twice, not at all, or refused though good', () => {
    const { log, events } = logOf(3);
    const counts = new Counts();
    const hops = new HopsJudge(log, counts);
    const [one] = events as [Happening];
    hops.tagged(place(0), tagged(one, 0));
    hops.tagged(place(1), tagged(one, 0));
    hops.rejected({ topic: 'events.raw', partition: 0, offset: 1, processor: 'tag-freshness', reason: 'none' } as never);
    hops.finish();
    expect([counts.of('duplicated'), counts.lines().filter((line) => /refused though good/.test(line)).length]).toEqual([1, 1]);
    expect(counts.lines().find((line) => /not tagged/.test(line))).toMatch(/not tagged: 2,/);
  });

  it('knows what must be refused', () => {
    const log = new RawLog();
    const [event] = first(1, 1) as [Happening];
    const poisons = ['bytes', 'shape', 'rule', 'unknown-schema'] as const;
    for (const [offset, poison] of poisons.entries())
      log.take('till', { partition: 0, offset, key: Buffer.alloc(0), value: tillRecord({ ...event, poison }, 0) });
    for (const [offset, poison] of (['tag', 'nobody'] as const).entries())
      log.take('web', { partition: 0, offset, key: Buffer.alloc(0), value: Buffer.from(webCall({ ...event, poison }, 0)) });
    expect([...log.fates()].map(([, , , fate]) => fate)).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  it('finds changes of membership that are missing, repeated, out of sequence, at another time, or without their message', () => {
    const { counts: none, log, hops, events } = judged((rows) => rows);
    expect(none.spotless).toBe(true);
    const acked = new Float64Array(10_000);
    const steps = ['left-cart', 'twice', 'big-order', 'spender', 'gold'].flatMap((segment) =>
      stepsOf(
        segment,
        events.flatMap(({ index }) => log.events[index] ?? []),
      ).map(({ at, holds }) => ({ segment, at, holds })),
    );
    expect(steps.length).toBeGreaterThan(4);
    const rows = steps.map(({ segment, at, holds }, i): MembershipChange => {
      const cause = { kind: 'timer', messageId: null };
      const row = {
        id: `id${i}`,
        customer: 'c_ada',
        segment,
        change: holds ? 'entered' : 'left',
        sequence: i + 1,
        effectiveAt: at,
        cause,
      };
      return row as MembershipChange;
    });
    const activating = new Set(['left-cart', 'big-order', 'spender']);
    const found = (changes: readonly MembershipChange[], withheld = 0): number => {
      const counts = new Counts();
      const memberships = new MembershipJudge(counts);
      for (const change of changes) memberships.change(change);
      const due = changes.filter(({ segment, change }) => activating.has(segment) && change === 'entered').slice(withheld);
      for (const { id, segment } of due)
        memberships.activation('requested', { membership: id, segment, activation: `${segment}-note` } as never);
      memberships.finish(log, hops, acked);
      return counts.of('membership-diff');
    };
    const again = rows.map((row, i) => ({ ...row, sequence: i + 1 }));
    expect(found(rows)).toBe(0);
    expect(found(rows, 1)).toBe(1);
    expect(found(rows.toSpliced(2, 1).map((row, i) => ({ ...row, sequence: i + 1 })))).toBeGreaterThan(0);
    expect(found(rows.toSpliced(2, 1))).toBeGreaterThan(0);
    expect(found(again.toSpliced(2, 0, rows[2] as MembershipChange))).toBeGreaterThan(0);
    expect(found(rows.with(1, { ...(rows[1] as MembershipChange), effectiveAt: 1 }))).toBe(1);
  });
});
