/**
 * 10. Whatever comes when.
 *
 * The chapters before told stories in which one thing happened after the other. Tasks do not wait for each other: a clock
 * may pass one partition while a link is on its way to another, a state may come before the announcement of it, timers come
 * due in the middle of it all. So here people shop and log in at random, and whatever task or clock may be next is next.
 *
 * Whatever the order, in the end every customer is a member of exactly what a plain computation over all of that person's
 * events says, and nobody else is a member of anything. And if everything came in on time, then also nothing untrue was ever
 * said on the way: at the moment of which it was said, it held. Every cart
 * that was left brought one mail, no more and no less, though its story was spread over several customers.
 */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { customerId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { seededRandom } from '../../runtime/handover-simulation.ts';
import { changesUntil, membershipsAt } from '../support/membership-oracle.ts';
import { callOf, devicesOf, type Happening, livesOf, mailOf, type PeopleOptions, plain, wasSo } from '../support/people.ts';
import { at, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
const lateness = 5_000;

interface World {
  readonly walk: Walk;
  readonly lives: readonly Happening[];
  readonly changes: readonly MembershipChange[];
  /** Time up to which everything has been decided. */
  readonly decided: number;
}

async function live(seed: number, pace: number, until: number, options: PeopleOptions): Promise<World> {
  const walk = await openWalk();
  const random = seededRandom(seed);
  const lives = livesOf(random, options);
  for (const life of lives) {
    walk.at(life.arrives, callOf(life));
    await walk.stir(Math.floor(random() * pace), random);
  }
  // The end comes in steps, so that clocks and states on their way meet.
  for (const minutes of [options.lasting + 20, options.lasting + 45, until]) {
    walk.at(minutes);
    await walk.stir(Math.floor(random() * 20 * pace), random);
  }
  await walk.settle();
  const changes = walk.read(topics.segmentsMembership);
  return { walk, lives, changes, decided: at(until) - lateness };
}

/** Folded from the topic: the segments of each customer who is in any. */
function folded(changes: readonly MembershipChange[]): Map<string, string[]> {
  const members = new Map<string, Set<string>>();
  for (const { customer, segment, change } of changes) {
    const own = members.get(customer) ?? new Set();
    if (change === 'entered') own.add(segment);
    else own.delete(segment);
    members.set(customer, own);
  }
  return new Map([...members].filter(([, own]) => own.size > 0).map(([customer, own]) => [customer, [...own].sort()]));
}

function expectConsistent({ walk, lives, changes, decided }: World): void {
  const expected = [...membershipsAt(lives.map(plain), decided)];
  expect(folded(changes)).toEqual(new Map(expected.map(([person, own]) => [walk.customer('user_id', person), [...own].sort()])));

  for (const own of Map.groupBy(changes, ({ customer }) => customer).values())
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, index) => index + 1));
  expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);

  const identified = walk.read(topics.eventsIdentified).flatMap(({ event }) => event?.messageId ?? []);
  expect(identified.sort()).toEqual(lives.map(({ messageId }) => messageId).sort());
  expect(walk.read(topics.eventsRejected)).toEqual([]);

  for (const person of new Set(lives.map((life) => life.person))) {
    const account = customerId(walk.keyOf('user_id', person));
    expect(walk.customer('user_id', person)).toBe(account);
    for (const [kind, value] of [
      ['email', mailOf(person)] as const,
      ...devicesOf(person).map((device) => ['anonymous_id', device] as const),
    ]) {
      const visitor = customerId(walk.keyOf(kind, value));
      expect(walk.customer(kind, value)).toBe(account);
      for (const task of ['customers', 'detect-fraud']) expect(['', '~']).toContain(walk.driver.parts(task, visitor).join());
    }
    expect(walk.driver.parts('customers', account)).not.toContain('~');
  }
}

const runs = { numRuns: 15 };
const seed = fc.nat();
const pace = fc.constantFrom(0, 5, 20, 80);
const until = fc.constantFrom(130, 26 * 60, 9 * 24 * 60, 70 * 24 * 60);

describe('people who shop on several devices and log in at some time', () => {
  it('are in the segments that all of their events say, in whatever order these come in', async () => {
    const late = { people: 2, linkedWithin: 60, lasting: 60, delay: 25 };
    const property = fc.asyncProperty(seed, pace, until, async (...given) => expectConsistent(await live(...given, late)));
    await fc.assert(property, runs);
  });

  it('have nothing said of them that was not true at the time of which it was said', async () => {
    const punctual = { people: 2, linkedWithin: 60, lasting: 60, delay: 0 };
    const property = fc.asyncProperty(seed, pace, until, async (...given) => {
      const world = await live(...given, punctual);
      expectConsistent(world);
      const names = world.lives.flatMap(({ who, person }) => [
        ['user_id', person],
        ['email', mailOf(person)],
        ...(who.anonymousId === undefined ? [] : [['anonymous_id', who.anonymousId]]),
      ]);
      const nameOf = new Map(names.map(([kind = '', value = '']) => [customerId(world.walk.keyOf(kind, value)), value]));
      const untrue = world.changes.filter(({ customer, segment, change, effectiveAt, cause }) => {
        if (cause.kind === 'merge') return false;
        return (
          cause.kind === 'correction' ||
          !wasSo(world.lives, nameOf.get(customer) ?? '', effectiveAt, segment, change === 'entered')
        );
      });
      expect(untrue).toEqual([]);
    });
    await fc.assert(property, runs);
  });

  it('are reminded of each cart that they left, once', async () => {
    const early = { people: 2, linkedWithin: 20, lasting: 60, delay: 0 };
    const property = fc.asyncProperty(seed, pace, async (...given) => {
      const { walk, lives, decided } = await live(...given, 26 * 60, early);
      const left = changesUntil(lives.map(plain), decided).filter(
        ({ segment, change }) => segment === 'abandoned-cart' && change === 'entered',
      );
      const mails = walk.read(topics.activationsRequested).filter(({ segment }) => segment === 'abandoned-cart');
      expect(mails.map(({ to }) => to).sort()).toEqual(left.map(({ customer }) => mailOf(customer)).sort());
    });
    await fc.assert(property, runs);
  });
});
