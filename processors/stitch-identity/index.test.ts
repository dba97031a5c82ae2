import { afterEach, describe, expect, it } from '@jest/globals';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import type { TaggedEvent } from '../../schemas/generated/types.ts';
import { customerId, opaqueKey } from '../../schemas/keys.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { compileIdentity, type IdentityRules } from './identity.ts';
import { stitchIdentity } from './index.ts';
import { eventOf, keyOf, primaryOf, secret } from './testing/world.ts';

const day = 24 * 60 * 60 * 1000;
const customer = (name: string): string => customerId(keyOf(name));
const [user, other] = ['user_id:ann', 'user_id:bob'];
const [browser, mail] = ['anonymous_id:b1', 'email:ann@shop.example'];

let driver: TopologyTestDriver;

async function start(identity?: IdentityRules): Promise<void> {
  const serdes = createSerdes({ registry: new MemoryRegistry() });
  await serdes.register();
  const processors = [stitchIdentity({ secret, ...(identity ? { identity } : {}) })];
  driver = await TopologyTestDriver.start({ processors, serdes, rejected: topics.eventsRejected });
}
afterEach(async () => {
  await driver.close();
});

const pipe = (event: TaggedEvent): void =>
  driver.pipe(topics.eventsTagged, primaryOf(event), event, { headers: { 'message-id': event.messageId, source: event.source } });

/** `messageId customer` of events, `kind loser>winner` of markers, as they lie in the topic. */
const identified = (): string[] =>
  driver
    .read(topics.eventsIdentified)
    .map(({ key, value: { event, marker } }) =>
      marker ? `${marker.kind} ${marker.loser}>${marker.winner}` : `${event?.messageId} ${key}`,
    );
const changes = (): string[] =>
  driver.read(topics.identityChanges).map(({ value }) => `${value.kind} ${value.customer} ${value.other ?? ''}`.trim());

describe('stitch-identity', () => {
  it('gives an event its customer at once, with its headers, and reports a new one', async () => {
    await start();
    pipe(eventOf('m1', 10, [user]));
    await driver.settle();
    const [record] = driver.read(topics.eventsIdentified);
    expect(record).toMatchObject({
      key: customer(user),
      value: { customer: customer(user), event: { messageId: 'm1' }, marker: null },
    });
    expect(record?.headers['message-id']?.toString()).toBe('m1');
    expect(record?.headers['hops']?.toString()).toContain('stitch-identity=');
    expect(changes()).toEqual([`created ${customer(user)}`]);
  });

  it('drops an event repeated under its messageId, for a week at least, and forgets ids of times gone by', async () => {
    await start();
    pipe(eventOf('m1', 10, [user]));
    pipe(eventOf('m1', 12, [user]));
    await driver.settle();
    driver.advance(7 * day - 1000);
    pipe(eventOf('m1', 10, [user]));
    await driver.settle();
    expect(identified()).toEqual([`m1 ${customer(user)}`]);
    driver.advance(14 * day);
    await driver.settle();
    expect(driver.parts('stitch-identity', keyOf(user))).toEqual(['g', 'n']);
    pipe(eventOf('m1', 10, [user]));
    await driver.settle();
    expect(identified()).toEqual([`m1 ${customer(user)}`]);
  });

  it('joins what a visitor did before the first log-in to the customer, behind seals, and labels later events with the customer', async () => {
    await start();
    pipe(eventOf('m1', 10, [browser]));
    await driver.settle();
    pipe(eventOf('m2', 20, [user, browser]));
    await driver.settle();
    pipe(eventOf('m3', 30, [browser]));
    await driver.settle();
    const [loser, winner] = [customer(browser), customer(user)];
    const pair = `${loser}>${winner}`;
    expect(identified().sort()).toEqual(
      [`m1 ${loser}`, `m2 ${winner}`, `m3 ${winner}`, `opening ${pair}`, `closing ${pair}`, `sealed ${pair}`].sort(),
    );
    expect(changes().sort()).toEqual(
      [`created ${loser}`, `created ${winner}`, `linked ${winner}`, `merged ${winner} ${loser}`].sort(),
    );
  });

  it('sends no message for customers it knows', async () => {
    await start();
    for (let i = 0; i < 5; i++) pipe(eventOf(`a${i}`, 10 + i, [user, mail, browser]));
    await driver.settle();
    driver.read(topics.identityLinks);
    for (let i = 0; i < 50; i++) pipe(eventOf(`b${i}`, 20 + i * 60_000, [user, mail, browser]));
    await driver.settle();
    expect(driver.read(topics.identityLinks)).toEqual([]);
    expect(identified()).toHaveLength(55);
  });

  it('never puts two accounts into one customer, and says so', async () => {
    await start();
    pipe(eventOf('m1', 10, [user, mail]));
    await driver.settle();
    pipe(eventOf('m2', 20, [other, mail]));
    await driver.settle();
    pipe(eventOf('m3', 30, [mail]));
    await driver.settle();
    expect(
      identified()
        .filter((line) => line.startsWith('m'))
        .sort(),
    ).toEqual([`m1 ${customer(user)}`, `m2 ${customer(other)}`, `m3 ${customer(user)}`]);
    expect(changes()).toContain(`refused ${customer(other)} ${customer(user)}`);
  });

  it('lets a browser go with the later log-in from that time on, and back again', async () => {
    await start();
    for (const [id, at, name] of [
      ['m1', 10, user],
      ['m2', 20, other],
      ['m3', 30, user],
    ] as const) {
      pipe(eventOf(id, at, [name, browser]));
      await driver.settle();
    }
    for (const at of [5, 15, 25, 35]) pipe(eventOf(`at${at}`, at, [browser]));
    await driver.settle();
    const lines = identified();
    const ann = [5, 15, 35].map((at) => `at${at} ${customer(user)}`);
    expect(lines).toEqual(expect.arrayContaining([...ann, `at25 ${customer(other)}`]));
    expect(changes()).toContain(`moved ${customer(other)} ${customer(user)}`);
  });

  it('takes an event whose primary identifier is blocked by its next one, and refuses it if there is none', async () => {
    await start(compileIdentity({ kinds: { user_id: { blocked: ['till-1'] } } }));
    pipe(eventOf('m1', 10, ['user_id:till-1', mail]));
    pipe(eventOf('m1', 10, ['user_id:till-1', mail]));
    pipe(eventOf('m2', 10, ['user_id:till-1']));
    await driver.settle();
    expect(identified()).toEqual([`m1 ${customer(mail)}`]);
    const [rejected] = driver.read(topics.eventsRejected);
    expect(rejected?.value.reason).toBe('all identifiers of the event are values that name nobody');
    const parts = driver.parts('stitch-identity', opaqueKey(secret, 'user_id', 'till-1'));
    expect(parts.filter((part) => part.startsWith('r'))).toEqual([]);
  });

  it('lets an identifier that is seen with too many others link nobody, and reports it', async () => {
    await start(compileIdentity({ max_neighbours: 3 }));
    const kiosk = 'email:desk@shop.example';
    for (let i = 0; i < 6; i++) {
      pipe(eventOf(`m${i}`, 10 + i, [kiosk, `phone:+49${i}`]));
      await driver.settle();
    }
    for (let i = 0; i < 6; i++) pipe(eventOf(`p${i}`, 100, [`phone:+49${i}`]));
    await driver.settle();
    const owners = identified()
      .filter((line) => line.startsWith('p'))
      .map((line) => line.split(' ')[1]);
    expect(new Set(owners).size).toBe(6);
    expect(changes().filter((line) => line.startsWith('super-node'))).toHaveLength(1);
  });
});
