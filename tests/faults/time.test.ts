import { afterAll, describe, expect, it } from '@jest/globals';
import { createGateway } from '../../connectors/sources/gateway/index.ts';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { membershipsAt } from '../support/membership-oracle.ts';
import { callOf, type Happening, livesOf, plain } from '../support/people.ts';
import { at, standOn, start, track, type Walk, walks } from '../support/walk.ts';
import { post } from '../support/send.ts';
import { randomOf } from './harness/random.ts';
import { TwoInstances } from './harness/two-instances.ts';

const openWalk = walks();
const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? 25);
const options = { people: 12, linkedWithin: 60, lasting: 300, delay: 0 };
const end = 40 * 60;
const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
afterAll(() => standOn(() => ({})));

/** Lets things come in at the minutes given, and everything settle after each. */
async function run(walk: Walk, lives: readonly Happening[], meanwhile: (index: number) => void = () => undefined): Promise<void> {
  const arriving = lives.toSorted((a, b) => a.arrives - b.arrives);
  for (const [index, life] of arriving.entries()) {
    meanwhile(index);
    walk.at(life.arrives, callOf(life));
    await walk.settle();
  }
  for (const minutes of [end - 60, end, end + 1]) {
    walk.at(minutes);
    await walk.settle();
  }
}

/** Who is in what, folded from the topic. */
function folded(changes: readonly MembershipChange[]): string[] {
  const members = new Set<string>();
  for (const { customer, segment, change } of changes) members[change === 'entered' ? 'add' : 'delete'](`${customer} ${segment}`);
  return [...members].sort();
}

function expected(walk: Walk, lives: readonly Happening[]): string[] {
  const of = (person: string): string => customerId(walk.keyOf('user_id', person));
  const members = [...membershipsAt(lives.map(plain), at(end))];
  return members.flatMap(([person, segments]) => segments.map((segment) => `${of(person)} ${segment}`)).sort();
}

const difference = (one: readonly string[], other: readonly string[]): number =>
  one.filter((each) => !other.includes(each)).length + other.filter((each) => !one.includes(each)).length;

describe('F25: events out of order, late, and from the future', () => {
  const random = randomOf(seed);
  const sorted = livesOf(random, options);
  const shuffledHour = sorted.map((life) => ({ ...life, arrives: life.minutes + random() * 60 }));
  const lateDay = sorted.map((life, index) =>
    index % 7 === 3 && !life.isLink ? { ...life, arrives: life.minutes + 24 * 60 } : life,
  );

  it.each([
    { how: 'in order', lives: sorted, isLate: false },
    { how: 'shuffled by up to an hour', lives: shuffledHour, isLate: true },
    { how: 'one in seven a day late', lives: lateDay, isLate: true },
  ])(
    'F25: come to the memberships of the sorted run when they come $how, late ones as corrections',
    async ({ how, lives, isLate }) => {
      standOn(() => ({}));
      const walk = await openWalk();
      await run(walk, lives);
      const changes = walk.read(topics.segmentsMembership);
      const wrong = difference(folded(changes), expected(walk, lives));
      const corrections = changes.filter(({ cause }) => cause.kind === 'correction').length;
      say(
        `F25 (${how}): records ${lives.length}, changes ${changes.length}, corrections ${corrections}, membership-diff ${wrong}`,
      );
      expect(wrong).toBe(0);
      expect(corrections > 0).toBe(isLate);
      expect(walk.read(topics.eventsIdentified).filter(({ event }) => event !== null)).toHaveLength(lives.length);
    },
  );

  it('F25: are clamped to the time of the broker and flagged when they claim to be of the future, and move no clock', async () => {
    standOn(() => ({}));
    const walk = await openWalk();
    await walk.settle();
    const claimed = [4_000, 6_000, 60 * 60_000, 365 * 24 * 3_600_000];
    for (const [index, ahead] of claimed.entries()) {
      const timestamp = new Date(at(0) + ahead).toISOString();
      walk.at(0, track({ userId: `u${index}` }, 'Product Added', { cart_id: `c${index}` }, { timestamp }));
    }
    await walk.settle();
    const tagged = walk.driver.read(topics.eventsTagged);
    const clamped = tagged.filter(({ value }) => value.flags.includes('future-clamped'));
    const beyond = tagged.filter(({ value }) => value.occurredAt > at(0) + 5_000);
    say(`F25: from the future ${claimed.length}, clamped ${clamped.length}, beyond the tolerance ${beyond.length}`);
    expect([clamped.length, beyond.length]).toEqual([3, 0]);
    walk.at(29);
    await walk.settle();
    expect(walk.changes()).toEqual([]);
    expect(walk.watermarks.of('shop')).toBeLessThanOrEqual(at(29));
    walk.at(31);
    await walk.settle();
    expect(walk.changes()).toHaveLength(claimed.length);
  });
});

describe('F26: clocks that are wrong', () => {
  const told = ({ customer, segment, change, effectiveAt, sequence, cause }: MembershipChange): string =>
    `${customer} ${sequence}: ${change} ${segment} at ${effectiveAt} (${cause.kind})`;
  const hour = 60 * 60_000;
  const lives = livesOf(randomOf(seed + 1), options);

  async function under(
    skew: (instances: TwoInstances, index: number) => void,
  ): Promise<{ changes: string[]; requested: string[] }> {
    const instances = new TwoInstances(start);
    standOn(() => instances.ground);
    const walk = await openWalk();
    await run(walk, lives, (index) => {
      if (index % 9 === 8) instances.end(index % 2 === 0 ? 0 : 1);
      skew(instances, index);
    });
    return {
      changes: walk.read(topics.segmentsMembership).map(told),
      requested: walk.read(topics.activationsRequested).map(({ id }) => id),
    };
  }

  it('F26: let no segment be entered or left at another time, and no timer fire twice, at +2 h, at -2 h, and after a jump back', async () => {
    const right = await under(() => undefined);
    const skews = {
      '+2 h and right': (instances: TwoInstances) => void instances.skew.splice(0, 2, 2 * hour, 0),
      '-2 h and +2 h': (instances: TwoInstances) => void instances.skew.splice(0, 2, -2 * hour, 2 * hour),
      'back by 10 min at every event': (instances: TwoInstances, index: number) =>
        void instances.skew.splice(0, 2, index % 2 === 0 ? 0 : -600_000, index % 3 === 0 ? 0 : -600_000),
    };
    for (const [name, skew] of Object.entries(skews)) {
      const found = await under(skew);
      const diff = difference(found.changes, right.changes);
      const twice = found.requested.length - new Set(found.requested).size;
      say(
        `F26 (${name}): records ${lives.length}, changes ${found.changes.length}, membership-diff ${diff}, requests ${found.requested.length}, fired twice ${twice}`,
      );
      expect([diff, twice]).toEqual([0, 0]);
      expect(found.requested.sort()).toEqual(right.requested.sort());
      expect(new Set(found.changes).size).toBe(found.changes.length);
    }
    expect(right.changes.length).toBeGreaterThan(50);
  });

  /** When events happened that come in by a gateway whose clock is wrong by so much, as they are tagged; what the gateway says. */
  async function taggedBy(skewMs: number, asks: boolean): Promise<{ found: readonly number[]; said: readonly string[] }> {
    standOn(() => ({}));
    const walk = await openWalk();
    const { driver, sources, workspace } = walk;
    const said: string[] = [];
    const writer = driver.broker.client().producer();
    const gateway = createGateway({
      sources,
      producer: {
        send: async (batch, more) => ({ ...(await writer.send(batch, more)), appendTime: driver.clock.now() }),
        close: () => writer.close(),
      },
      partitions: driver.partitions,
      topicName: topics.eventsRaw.name,
      feed: walk.watermarks.feed(),
      clock: { now: () => driver.clock.now() + skewMs },
      ...(asks ? { brokerTime: async () => driver.clock.now() } : {}),
      secret: workspace.secret,
      reject: async () => undefined,
      log: ({ event, detail }) => event === 'clock-wrong' && said.push(detail ?? ''),
    });
    const { url } = await gateway.start({ host: '127.0.0.1' });
    if (!asks) await post(url, 'dev-shop-key', 'track', { event: 'Product Viewed', userId: 'first' });
    const iso = (time: number): string => new Date(time).toISOString();
    const devices = {
      right: { timestamp: iso(at(0) - 60_000), sentAt: iso(at(0)) },
      'an hour ahead': { timestamp: iso(at(0) + hour - 60_000), sentAt: iso(at(0) + hour) },
      'an hour behind': { timestamp: iso(at(0) - hour - 60_000), sentAt: iso(at(0) - hour) },
      'without a clock': {},
    };
    for (const [messageId, times] of Object.entries(devices))
      await post(url, 'dev-shop-key', 'track', { event: 'Product Viewed', userId: 'first', messageId, ...times });
    await gateway.stop();
    await driver.settle();
    const found = driver.read(topics.eventsTagged).map(({ value }) => value);
    return { found: found.slice(asks ? 0 : 1).map(({ occurredAt }) => occurredAt - at(0)), said };
  }

  it.each([
    ['asks the brokers at its start', true],
    ['learns it from its first write', false],
  ])('F26: move no event when it is the gateway that is two hours ahead or behind, which %s', async (_, asks) => {
    const right = await taggedBy(0, asks);
    expect(right).toEqual({ found: [-60_000, -60_000, -60_000, 0], said: [] });
    for (const skewMs of [2 * hour, -2 * hour]) {
      const { found, said } = await taggedBy(skewMs, asks);
      const moved = found.filter((occurredAt, index) => occurredAt !== right.found[index]).length;
      say(`F26 (gateway ${skewMs / hour} h off): records ${found.length}, moved ${moved}; ${said.join()}`);
      expect([found.length, moved]).toEqual([4, 0]);
      expect(said).toEqual([expect.stringContaining(`7200 s ${skewMs > 0 ? 'ahead of' : 'behind'} the brokers`)]);
    }
  });
});
