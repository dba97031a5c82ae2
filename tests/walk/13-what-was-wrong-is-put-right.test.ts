/**
 * 13. What was wrong is put right.
 *
 * What could not be used lies on `events.rejected`, with the reason and its bytes as they came. `freshet rejected list` shows what
 * broke, `show` one record whole, `replay` sends records back to where they belong, repaired if need be: into the same walk,
 * under the message id that they have, or would have got at their first place, and at the time at which they first came in. So
 * the customer is in the end what he would be had it been right at once.
 *
 * Each is replayed once for ever: the record and the mark beside the rejected one (a record without a value, whose header
 * `replayed` is its offset) are one transaction of the one producer that may replay. What would be refused again is not sent.
 */
import { describe, expect, it } from '@jest/globals';
import { rejectedRecords } from '../../connectors/sources/gateway/rejects.ts';
import { listed } from '../../cli/rejected-view.ts';
import { type RejectedEntry, type RejectedFilter, visitRejected } from '../../cli/rejected-log.ts';
import { compileRepair, type RepairOptions } from '../../cli/rejected-repair.ts';
import { replayRejected } from '../../cli/rejected-replay.ts';
import { allTopics } from '../../cli/pipeline.ts';
import { prefixedNames } from '../../runtime/environment.ts';
import { createRawDecoder } from '../../schemas/raw-decoder.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { topics } from '../../schemas/topics.ts';
import { at, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();

const log = (walk: Walk) => ({
  kafka: walk.driver.broker.client(),
  serdes: walk.serdes,
  names: prefixedNames(''),
  rawDecoder: createRawDecoder({ registry: new MemoryRegistry() }),
  topics: new Map(allTopics(walk.sources).map((topic) => [topic.name, topic])),
});

async function entries(walk: Walk, filter: RejectedFilter = {}): Promise<readonly RejectedEntry[]> {
  const found: RejectedEntry[] = [];
  await visitRejected(log(walk), filter, (entry) => void found.push(entry));
  return found;
}

/** Replays, and says what became of each entry; lets everything run. */
async function replay(walk: Walk, repair: RepairOptions = {}, filter: RejectedFilter = {}): Promise<readonly string[]> {
  const said: string[] = [];
  await replayRejected({
    ...log(walk),
    sources: walk.sources,
    secret: walk.workspace.secret,
    filter,
    repair: compileRepair(repair),
    dryRun: false,
    now: () => walk.driver.clock.now(),
    report: (_, outcome) => said.push(outcome.kind === 'kept' ? outcome.reason : outcome.kind),
  });
  await walk.settle();
  return said;
}

const order = (order_id: string, timestamp?: string, more: Readonly<Record<string, unknown>> = {}) =>
  track(
    { userId: 'ada' },
    'Order Completed',
    { order_id, total: 12 },
    { ...more, ...(timestamp === undefined ? {} : { timestamp }) },
  );
const state = (walk: Walk) =>
  walk.driver.read(topics.segmentsMembership).map(({ value }) => [value.change, value.segment, value.effectiveAt]);

describe('an event that was wrong', () => {
  it('makes the customer what he would be had it been right, and that once', async () => {
    const [walk, right] = [await openWalk(), await openWalk()];
    walk.at(1, order('o1', 'the first of January'));
    right.at(1, order('o1', new Date(at(1)).toISOString()));
    for (const one of [walk, right]) {
      one.at(10, order('o2'));
      await one.settle();
    }
    walk.at(90);
    expect(await replay(walk, { set: [`timestamp=${new Date(at(1)).toISOString()}`] })).toEqual(['sent']);
    expect(await replay(walk, { set: [`timestamp=${new Date(at(5)).toISOString()}`] })).toEqual(['already']);
    for (const one of [walk, right]) {
      one.at(200);
      await one.settle();
    }
    const members = (changes: ReturnType<typeof state>) =>
      new Set(
        changes
          .filter(([change, segment]) => change === 'entered' && !changes.some(([c, s]) => c === 'left' && s === segment))
          .map(([, s]) => s),
      );
    const [repaired, wanted] = [state(walk), state(right)];
    expect(members(repaired)).toEqual(members(wanted));
    expect(members(repaired)).toEqual(new Set(['repeat-buyers']));
    expect(walk.read(topics.eventsIdentified).map(({ event }) => event?.occurredAt)).toEqual([at(10), at(1)]);
  });

  it('is listed as replayed, with nothing of what it says about anybody', async () => {
    const walk = await openWalk();
    walk.at(1, track({ userId: 'ada@shop.example' }, 'Order Completed', { at: '2030-01-01T10:00:00Z' }, { timestamp: 'never' }));
    await walk.settle();
    const [open] = await entries(walk, { source: 'shop', step: 'validate', reason: 'TIMESTAMP', since: at(0), until: at(2) });
    expect(listed(open as RejectedEntry)).toMatchObject({
      id: open?.id,
      origin: expect.stringMatching(/^events\.raw\/\d\/0$/),
      replayedAt: null,
    });
    expect(JSON.stringify(listed(open as RejectedEntry))).not.toContain('ada');
    expect(await entries(walk, { since: at(2) })).toEqual([]);
    walk.at(5);
    expect(await replay(walk, { cel: ['timestamp=record.properties.at'] }, { ids: new Set([open?.id ?? '']) })).toEqual(['sent']);
    const [done] = await entries(walk);
    expect(listed(done as RejectedEntry)).toMatchObject({ replayedAt: new Date(at(5)).toISOString() });
    expect(walk.read(topics.eventsIdentified)).toHaveLength(1);
  });

  it('stays where it is while it would be refused again, with the reason', async () => {
    const walk = await openWalk();
    walk.at(1, order('o1', 'never'));
    await walk.settle();
    expect(await replay(walk)).toEqual([expect.stringMatching(/^would be refused again: validate: timestamp: expected/)]);
    expect(await replay(walk, { set: ['properties=7', 'timestamp=2030-01-01'] })).toEqual([
      expect.stringContaining('properties: expected'),
    ]);
    expect(await entries(walk)).toMatchObject([{ replayedAt: undefined }]);
  });
});

describe('an event that the gateway refused', () => {
  const refused = (walk: Walk, bytes: string, call: 'track' | 'batch'): void => {
    const problem = {
      reason: 'invalid_field',
      field: 'event',
      message: 'must be a name',
      index: 0,
      bytes: Buffer.from(bytes),
    } as const;
    for (const rejected of rejectedRecords([problem], call, 'shop', at(3)))
      walk.driver.pipe(topics.eventsRejected, 'events.raw', rejected);
  };

  it('goes the same way, as the call that it was, at the time at which it came in', async () => {
    const walk = await openWalk();
    refused(walk, '{"userId":"ada","properties":{"order_id":"o1"}}', 'track');
    walk.at(60);
    expect(await replay(walk)).toEqual([expect.stringContaining('event: expected')]);
    expect(await replay(walk, { set: ['event=Order Completed'] })).toEqual(['sent']);
    const [event] = walk.read(topics.eventsIdentified);
    expect(event?.event).toMatchObject({
      type: 'track',
      event: 'Order Completed',
      source: 'shop',
      occurredAt: at(3),
      receivedAt: at(3),
    });
    expect(event?.customer).toBe(walk.customer('user_id', 'ada'));
  });

  it('can be given whole where its bytes are not even JSON', async () => {
    const walk = await openWalk();
    refused(walk, '{"type":"track", oh', 'batch');
    const [entry] = await entries(walk);
    expect(await replay(walk, { set: ['event=Order Completed'] })).toEqual([
      'its bytes are not JSON: give the whole value with --repair',
    ]);
    walk.at(4);
    const line = JSON.stringify({
      id: entry?.id,
      value: { type: 'track', userId: 'ada', event: 'Cart Viewed', messageId: 'm-1' },
    });
    expect(await replay(walk, { file: `${line}\n` })).toEqual(['sent']);
    expect(walk.read(topics.eventsTagged)).toMatchObject([{ messageId: 'm-1', event: 'Cart Viewed', flags: [] }]);
  });
});

describe('a record without an id of its own', () => {
  it('keeps the id of its first place, however often it is refused and replayed', async () => {
    const walk = await openWalk();
    const price = {
      type: 'track',
      event: 'Price Changed',
      timestamp: 'never',
      properties: { product_id: 'p1', price: 3, currency: 'GBP' },
      messageId: null,
    };
    const write = (to: Walk, value: object): void => {
      to.at(1);
      const headers = { source: Buffer.from('prices') };
      to.driver.broker.append(topics.eventsRaw.name, 0, [{ key: null, value: Buffer.from(JSON.stringify(value)), headers }]);
    };
    write(walk, price);
    await walk.settle();
    const [entry] = await entries(walk);
    const first = entry?.rejected.offset;
    walk.at(2);
    expect(await replay(walk, { set: ['timestamp=2030-01-01T10:00:30Z'] })).toEqual(['sent']);
    const [tagged] = walk.read(topics.eventsTagged);
    const other = await openWalk();
    write(other, { ...price, timestamp: '2030-01-01T10:00:30Z' });
    await other.settle();
    const [wanted] = other.read(topics.eventsTagged);
    expect(first).toBe(0);
    expect(tagged).toMatchObject({
      messageId: wanted?.messageId,
      receivedAt: wanted?.receivedAt,
      occurredAt: wanted?.occurredAt,
    });
  });
});
