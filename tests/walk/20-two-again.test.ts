/**
 * 20. Two again.
 *
 * Ada used a tablet of the shop once, and logged in. From then on the tablet's visitor and she were one customer, and a mail about
 * somebody else's cart went to her. An operator sets the two apart: a command that lies between the events like any other fact. The
 * customer whom they shared ends behind seals, as in a merge, but has several heirs; events go to them at once. What he did before is
 * not taken apart but computed again: from the retained events, those of each heir by its own identifiers. He leaves his segments with
 * the cause `split`, the heirs enter theirs with the same cause, and nobody is written to for that.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { commandEvent, type IdentityDeployment, readPair, resultOf } from '../../cli/identity-split.ts';
import { openWishes, seed, type SeederOptions } from '../../cli/seeder.ts';
import { KEEPERS } from '../../cli/topology.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { identify, inWords, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk({ sources: ['shop'] });
});

const between = ['user_id:ada', 'anonymous_id:tablet'] as const;
const fillCart = track({ anonymousId: 'tablet' }, 'Product Added', { cart_id: 'c1', product_id: 'p1' });
const logIn = identify({ userId: 'ada', anonymousId: 'tablet' }, { email: 'ada@shop.example', first_name: 'Ada' });
const buy = (who: object, id: string, price: number): ReturnType<typeof track> =>
  track(who, 'Order Completed', { order_id: id, total: price, products: [{ sku: id, price, quantity: 1 }] });

function say(of: Walk, id: string, takeBack = false): void {
  const { identity } = of.workspace;
  const event = commandEvent({ takeBack, author: 'ann' }, readPair(identity, between), { id, at: of.driver.clock.now() });
  of.driver.pipe(topics.eventsTagged, of.keyOf('user_id', 'ada'), event, { headers: { 'message-id': id } });
}

function seederOf({ driver, serdes, workspace, processors }: Walk): SeederOptions {
  const kafka = driver.broker.client();
  return {
    kafka,
    serdes,
    processors,
    partitions: driver.partitions,
    rules: workspace.identity,
    secret: workspace.secret,
    producer: kafka.producer(),
    topicName: ({ name }) => name,
  };
}

/** Whoever runs the customers' tasks does this. */
async function recompute(of: Walk): Promise<void> {
  await of.settle();
  await seed(await openWishes(seederOf(of)), seederOf(of));
  await of.settle();
}

/** Segments by name, folded from the changes. */
function members(changes: readonly MembershipChange[], customer: string): string[] {
  const of = new Map<string, string>();
  for (const change of changes) if (change.customer === customer) of.set(change.segment, change.change);
  return [...of].flatMap(([segment, change]) => (change === 'entered' ? [segment] : [])).sort();
}

describe('a customer who turns out to be two', () => {
  it('is two from then on, each with what is his own, as if they had never been one', async () => {
    const steps = (of: Walk, mixes: boolean): void => {
      of.at(0, buy({ userId: 'ada' }, 'o1', 3000), buy({ userId: 'ada' }, 'o2', 2500));
      of.at(1, buy({ anonymousId: 'tablet' }, 'o3', 300));
      if (mixes) of.at(2, logIn);
      else of.at(2, identify({ userId: 'ada' }, { email: 'ada@shop.example', first_name: 'Ada' }));
      of.at(5, fillCart);
    };
    steps(walk, true);
    walk.at(40);
    await walk.settle();
    const shared = walk.customer('user_id', 'ada');
    expect(walk.customer('anonymous_id', 'tablet')).toBe(shared);
    const before = walk.read(topics.segmentsMembership);
    expect(members(before, shared)).toEqual(expect.arrayContaining(['abandoned-cart', 'big-basket', 'high-spenders']));
    expect(walk.read(topics.activationsRequested).map(({ to, segment }) => `${segment} to ${to}`)).toContain(
      'abandoned-cart to ada@shop.example',
    );

    say(walk, 'split-1');
    await recompute(walk);
    const [ada, tablet] = [walk.customer('user_id', 'ada'), walk.customer('anonymous_id', 'tablet')];
    expect(new Set([ada, tablet, shared]).size).toBe(3);
    const after = walk.read(topics.segmentsMembership);
    expect(new Set(after.map(({ cause }) => cause.kind))).toEqual(new Set(['split']));
    expect(members([...before, ...after], shared)).toEqual([]);
    expect(walk.read(topics.activationsRequested)).toEqual([]);

    const apart = await openWalk({ sources: ['shop'] });
    steps(apart, false);
    apart.at(40);
    await apart.settle();
    const theirs = apart.read(topics.segmentsMembership);
    expect(members(after, ada)).toEqual(members(theirs, customerId(apart.keyOf('user_id', 'ada'))));
    expect(members(after, tablet)).toEqual(members(theirs, customerId(apart.keyOf('anonymous_id', 'tablet'))));
    expect(members(after, tablet)).toContain('abandoned-cart');
    expect(walk.read(topics.eventsRejected)).toEqual([]);
  });

  it('has events of the two apart at once, also before what they did is computed again, and a log-in on the tablet changes nothing', async () => {
    walk.at(0, fillCart);
    walk.at(2, logIn);
    await walk.settle();
    const shared = walk.customer('user_id', 'ada');
    walk.at(3);
    say(walk, 'split-1');
    await walk.settle();
    walk.at(10, logIn, buy({ anonymousId: 'tablet' }, 'o1', 20));
    await walk.settle();
    const late = walk
      .read(topics.eventsIdentified)
      .filter(({ event }) => (event?.occurredAt ?? 0) > walk.driver.clock.now() - 1000);
    expect(late.map(({ customer }) => customer)).not.toContain(shared);
    // The clock passes the time at which the cart would be left; nobody says so before it is known whose order it was.
    walk.at(60);
    await walk.settle();
    expect(walk.read(topics.segmentsMembership)).toEqual([]);
    await recompute(walk);
    expect(walk.read(topics.segmentsMembership).filter(({ segment }) => segment === 'abandoned-cart')).toEqual([]);
  });

  it('is left by the one who did not order, at its time, and that is written about', async () => {
    walk.at(0, track({ userId: 'ada' }, 'Product Added', { cart_id: 'c9', product_id: 'p1' }), logIn);
    await walk.settle();
    walk.at(3);
    say(walk, 'split-1');
    await recompute(walk);
    const ada = walk.customer('user_id', 'ada');
    walk.at(31);
    await walk.settle();
    const told = walk.read(topics.segmentsMembership).filter(({ segment }) => segment === 'abandoned-cart');
    expect(told.map((change) => `${change.customer} ${inWords(change)}`)).toEqual([
      `${ada} entered abandoned-cart at 30 (timer)`,
    ]);
    expect(walk.read(topics.activationsRequested).map(({ customer }) => customer)).toEqual([ada]);
  });
});

describe('what the operator is told', () => {
  const desk = (of: Walk): IdentityDeployment => ({
    ...seederOf(of),
    keepers: KEEPERS,
    patienceMs: 0,
  });

  it('is who came of it, from how many events, and what was sent meanwhile', async () => {
    walk.at(0, buy({ userId: 'ada' }, 'o1', 20), fillCart);
    walk.at(2, logIn);
    walk.at(40);
    await walk.settle();
    const shared = walk.customer('user_id', 'ada');
    say(walk, 'split-1');
    await walk.settle();
    expect(await resultOf(desk(walk), 'split-1')).toMatchObject({
      outcome: 'split',
      divided: [{ heirs: [{ events: null }, { events: null }] }],
    });
    await recompute(walk);
    const found = await resultOf(desk(walk), 'split-1');
    expect(found).toMatchObject({ outcome: 'split', divided: [{ customer: shared, partial: false }] });
    const [{ heirs, sent } = { heirs: [], sent: [] }] = found.divided;
    const [ada, tablet] = [walk.customer('user_id', 'ada'), walk.customer('anonymous_id', 'tablet')];
    expect(new Map(heirs.map(({ customer, events }) => [customer, events]))).toEqual(
      new Map([
        [ada, 2],
        [tablet, 1],
      ]),
    );
    expect(sent).toContainEqual(
      expect.objectContaining({ activation: 'abandoned-cart-mail', channel: 'email', outcome: 'none yet' }),
    );
  });

  it('is the same however often the recomputation is begun, and heirs take theirs once', async () => {
    walk.at(0, buy({ userId: 'ada' }, 'o1', 300), fillCart);
    walk.at(2, logIn);
    await walk.settle();
    say(walk, 'split-1');
    say(walk, 'split-1');
    await walk.settle();
    const wishes = await openWishes(seederOf(walk));
    expect(wishes.map(({ processor }) => processor).sort()).toEqual([...KEEPERS].sort());
    // Somebody died over it, and another did it again; and then once more.
    for (let time = 0; time < 3; time++) await seed(wishes, seederOf(walk));
    await walk.settle();
    const told = walk
      .read(topics.segmentsMembership)
      .filter(({ segment, cause }) => segment === 'big-basket' && cause.kind === 'split');
    expect(told.map(({ change }) => change).sort()).toEqual(['entered', 'left']);
    expect(walk.read(topics.identityChanges).filter(({ kind }) => kind === 'split')).toHaveLength(2);
    expect(await openWishes(seederOf(walk))).toEqual([]);
  });

  it('can be taken back: they are one again, with all that both did', async () => {
    walk.at(0, buy({ userId: 'ada' }, 'o1', 3000));
    walk.at(1, buy({ anonymousId: 'tablet' }, 'o2', 2500));
    walk.at(2, logIn);
    await walk.settle();
    say(walk, 'split-1');
    await recompute(walk);
    const apart = walk.read(topics.segmentsMembership);
    expect(members(apart, walk.customer('user_id', 'ada') ?? '')).not.toContain('high-spenders');
    walk.at(5);
    say(walk, 'back-1', true);
    await recompute(walk);
    const one = walk.customer('user_id', 'ada');
    expect(walk.customer('anonymous_id', 'tablet')).toBe(one);
    expect(members(walk.read(topics.segmentsMembership), one ?? '')).toContain('high-spenders');
    expect(walk.read(topics.identityChanges).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['split', 'unsplit', 'merged']),
    );
  });
});
