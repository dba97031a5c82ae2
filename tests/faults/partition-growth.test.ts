import { afterAll, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../runtime/clock.ts';
import type { FreshetError } from '../../runtime/errors.ts';
import { guardPartitions } from '../../runtime/partition-guard.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { membershipsAt } from '../support/membership-oracle.ts';
import { callOf, livesOf, plain } from '../support/people.ts';
import { at, standOn, start, type Walk, walks } from '../support/walk.ts';
import { randomOf } from './harness/random.ts';

const openWalk = walks();
afterAll(() => standOn(() => ({})));
const raw = topics.eventsRaw.name;
const [before, grown, after] = [4, 6, 8];
const end = 40 * 60;

function open(partitions: number, now: number): Promise<Walk> {
  const clock = new ManualClock(now);
  const broker = new MemoryBroker({ clock });
  // Tasks are as many as before; the topic has grown, or is going to.
  if (partitions === before) broker.create({ name: raw, partitions: grown, config: {} });
  standOn(() => ({ clock, broker, partitions }));
  return openWalk();
}

describe('F27: a raw topic that is given more partitions under load', () => {
  it('F27: is found while it runs, with what to do; after the cut-over by hand every customer is where all events say', async () => {
    const random = randomOf(27);
    const lives = livesOf(random, { people: 10, linkedWithin: 60, lasting: 300, delay: 0 });
    const half = Math.floor(lives.length / 2);
    const old = await open(before, start);
    for (const life of lives.slice(0, half)) old.at(life.arrives, callOf(life));
    await old.settle();
    const refusal = await new Promise<FreshetError>((resolve) => {
      const { admin } = old.driver.broker.client();
      const stop = guardPartitions({
        admin,
        topics: [raw],
        partitions: before,
        everyMs: 5,
        onMismatch: (_, error) => {
          stop();
          resolve(error);
        },
      });
    });
    expect(refusal).toMatchObject({ code: 'TOPIC_MISMATCH' });
    expect(refusal.message).toContain(
      `topic ${raw} has ${grown} partitions now, ${before} are expected: see "A changed number of partitions"`,
    );

    // Producers that have heard of the new partitions go on for a while.
    const elsewhere = await open(grown, old.driver.clock.now());
    for (const life of lives.slice(half)) elsewhere.at(life.arrives, callOf(life));
    for (const { partition, ...record } of elsewhere.driver.broker.records(raw))
      old.driver.broker.append(raw, partition, [record]);
    const unread = old.driver.broker.records(raw).filter(({ partition }) => partition >= before).length;

    // The cut-over: everything, from the beginning and all partitions at once, by key into topics with the new number.
    const fresh = await open(after, at(end));
    const left = Map.groupBy(old.driver.broker.records(raw), ({ partition }) => partition);
    let copied = 0;
    for (let queues = [...left.values()]; queues.length > 0; queues = queues.filter((queue) => queue.length > 0)) {
      const { partition: _, ...record } = queues[Math.floor(random() * queues.length)]?.shift() ?? {
        partition: -1,
        key: null,
        value: null,
      };
      if (_ < 0) continue;
      fresh.driver.broker.append(raw, partitionFor(record.key ?? Buffer.alloc(0), after), [record]);
      copied += 1;
    }
    await fresh.settle();
    fresh.at(end + 1);
    await fresh.settle();

    const members = new Set<string>();
    for (const { customer, segment, change } of fresh.read(topics.segmentsMembership))
      members[change === 'entered' ? 'add' : 'delete'](`${customer} ${segment}`);
    const expected = [...membershipsAt(lives.map(plain), at(end))].flatMap(([person, segments]) =>
      segments.map((segment) => `${customerId(fresh.keyOf('user_id', person))} ${segment}`),
    );
    const identified = fresh.read(topics.eventsIdentified).flatMap(({ event }) => event?.messageId ?? []);
    const lost = lives.length - new Set(identified).size;
    const diff =
      expected.filter((one) => !members.has(one)).length + [...members].filter((one) => !expected.includes(one)).length;
    process.stderr.write(
      `freshet: F27: records ${lives.length}, in new partitions ${unread}, copied ${copied}, lost ${lost}, duplicated ${identified.length - new Set(identified).size}, state-diff ${diff}\n`,
    );
    expect({ copied, lost, diff, identified: identified.length }).toEqual({
      copied: lives.length,
      lost: 0,
      diff: 0,
      identified: lives.length,
    });
    expect(unread).toBeGreaterThan(5);
  });
});
