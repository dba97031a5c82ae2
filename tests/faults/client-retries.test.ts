import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createGateway, type Gateway } from '../../connectors/sources/gateway/index.ts';
import { defaultIdentity } from '../../processors/stitch-identity/identity.ts';
import { topics } from '../../schemas/topics.ts';
import { post } from '../support/send.ts';
import { at, identify, standOn, start, track, type Walk, walks } from '../support/walk.ts';
import { TwoInstances } from './harness/two-instances.ts';

const minute = 60_000;
const openWalk = walks();
const gateways: Gateway[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop();
});
afterAll(() => standOn(() => ({})));

async function open(): Promise<{ walk: Walk; instances: TwoInstances; urls: readonly string[] }> {
  const instances = new TwoInstances(start);
  standOn(() => instances.ground);
  const walk = await openWalk();
  const urls: string[] = [];
  for (let number = 0; number < 3; number++) {
    const gateway = createGateway({
      sources: walk.sources,
      producer: instances.broker.client().producer(),
      partitions: walk.driver.partitions,
      topicName: topics.eventsRaw.name,
      feed: walk.watermarks.feed(),
      clock: walk.driver.clock,
      secret: walk.workspace.secret,
      reject: async () => undefined,
    });
    gateways.push(gateway);
    urls.push((await gateway.start()).url);
  }
  return { walk, instances, urls };
}

const people = Array.from({ length: 20 }, (_, number) => `person${number}`);
const batchOf = (round: number): object => ({
  batch: people.flatMap((person) => [
    identify(
      { userId: person },
      { email: `${person}@shop.example` },
      { messageId: `i-${round}-${person}`, timestamp: stamp(round) },
    ),
    track(
      { userId: person },
      'Order Completed',
      { order_id: `${round}-${person}`, total: 300, products: [{ sku: 's', price: 300, quantity: 1 }] },
      { messageId: `o-${round}-${person}`, timestamp: stamp(round) },
    ),
  ]),
});
const stamp = (minutes: number): string => new Date(at(minutes)).toISOString();

describe('F24: a client that sends the same batch again', () => {
  it('F24: has its effect once, sent five times to three gateways, over kills and a rebalance, until the window is over', async () => {
    const { walk, instances, urls } = await open();
    const remember = defaultIdentity.rememberMs / minute;
    const batch = batchOf(0);
    let sent = 0;
    const send = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        expect((await post(urls[time % 3] ?? '', 'dev-shop-key', 'batch', batch)).status).toBe(200);
        sent += 2 * people.length;
      }
    };
    const of = (processor: string) => walk.driver.tasks.filter(({ id }) => id.processor === processor);

    await send(2);
    await walk.settle();
    for (const task of of('stitch-identity')) instances.kill(task, 'after');
    await send(1);
    await walk.settle();
    for (const task of of('tag-freshness')) instances.kill(task, 'open');
    for (const task of of('stitch-identity')) instances.kill(task, 'before');
    await send(1);
    await walk.settle();
    await send(1);
    for (const task of walk.driver.tasks) instances.rebalance(task);
    await walk.settle();
    walk.at(remember - 1);
    await send(5);
    await walk.settle();

    const effects = walk.read(topics.eventsIdentified).flatMap(({ event }) => event?.messageId ?? []);
    const requested = walk.read(topics.activationsRequested).map(({ customer, activation }) => `${customer} ${activation}`);
    const changes = walk.read(topics.segmentsMembership);
    const twice = effects.length - new Set(effects).size;
    process.stderr.write(
      `freshet: F24: records ${sent}, kills ${instances.kills}, moves ${instances.moves}, effects ${effects.length}, lost ${2 * people.length - new Set(effects).size}, duplicated ${twice}\n`,
    );
    expect([effects.length, new Set(effects).size]).toEqual([2 * people.length, 2 * people.length]);
    expect(instances.kills).toBeGreaterThanOrEqual(4);
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
    expect(new Set(requested).size).toBe(requested.length);
    expect(requested.length).toBeGreaterThanOrEqual(people.length);

    // Documented: remembered at least for the window, and no longer than for twice that.
    walk.at(remember + 1);
    await send(1);
    await walk.settle();
    const within = walk.read(topics.eventsIdentified).length;
    walk.at(4 * remember + 1);
    await send(1);
    await walk.settle();
    const beyond = walk.read(topics.eventsIdentified).length;
    process.stderr.write(`freshet: F24: one minute after the window ${within} came again, after four windows ${beyond}\n`);
    expect([0, 2 * people.length]).toContain(within);
    expect(beyond).toBe(2 * people.length);
    expect(walk.read(topics.activationsRequested)).toEqual([]);
  });
});
