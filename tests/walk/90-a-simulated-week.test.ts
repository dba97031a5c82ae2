/**
 * 90. A simulated week.
 *
 * The example's own shop lives for a week: visitors, log-ins on several devices, carts, orders, refunds, and now and then a thief.
 * On the way to us a part of it is doubled, comes out of order, minutes too late, broken, or from a device whose clock is ahead.
 * It goes through all hops as it would live, every decision being taken as soon as it may be.
 *
 * At the end everybody is a member of exactly what a plain computation over the events of that week says.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withFaults, type Fault } from '../../examples/shop/simulator/faults.ts';
import { shopEvents } from '../../examples/shop/simulator/model.ts';
import { toMessage, type ShopEvent } from '../../examples/shop/simulator/shop-event.ts';
import { seededRandom } from '../../runtime/handover-simulation.ts';
import type { IdentifiedEvent, MembershipChange } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { loadWorkspace } from '../../workspace/load.ts';
import { membershipsAt, type OracleEvent } from '../support/membership-oracle.ts';
import { start, Walk } from '../support/walk.ts';

const [second, minute, day] = [1000, 60_000, 86_400_000];
const week = { seed: 11, start, end: start + 7 * day, eventsPerSecond: 0.008, customers: 150, registered: true };
/** Stock is counted once a night: between two counts it would hold every clock, and what is decided by clocks with it. */
const sources = ['shop', 'prices'];
/** Nothing has happened later than this after it came in, whatever a device says. */
const tolerance = 5 * second;

/** A call that came in. */
interface Arrived {
  readonly event: ShopEvent;
  readonly fault: Fault | undefined;
  readonly at: number;
}

let walk: Walk;
let arrived: readonly Arrived[];
let changes: readonly MembershipChange[];
let identified: readonly IdentifiedEvent[];

beforeAll(async () => {
  walk = await Walk.open(await loadWorkspace(join(import.meta.dirname, '../../examples/shop'), {}), sources);
  arrived = await live(walk);
  changes = walk.read(topics.segmentsMembership);
  identified = walk.read(topics.eventsIdentified).filter(({ event }) => event !== null);
}, 60_000);
afterAll(() => walk.close());

/** Lets the week come in. In between tasks and clocks take steps, whatever may be next, or everything is done that can be. */
async function live(into: Walk): Promise<Arrived[]> {
  const random = seededRandom(week.seed);
  const all: Arrived[] = [];
  for (const { event, fault, at, body } of withFaults(shopEvents(week), week.seed)) {
    // The broken ones are refused at the gateway.
    if (body !== undefined || !sources.includes(event.source)) continue;
    until(into, at);
    if (fault === 'late') await into.settle();
    into.send(toMessage(event), { source: event.source });
    all.push({ event, fault, at });
    if (random() < 0.3) await into.stir(Math.floor(random() * 20), random);
    if (random() < 0.05) await into.settle();
  }
  until(into, week.end + 10 * minute);
  await into.settle();
  return all;
}

function until(into: Walk, at: number): void {
  const ahead = at - into.driver.clock.now();
  if (ahead > 0) into.driver.advance(ahead);
}

/** Each event once, with the person who did it: the one who logs in on the device at some time, else whoever has it. */
function plainEvents(): OracleEvent[] {
  const owners = new Map<string, Set<string>>();
  for (const { event } of arrived) {
    const { userId, anonymousId } = idsOf(event);
    if (userId === undefined || anonymousId === undefined) continue;
    owners.set(anonymousId, (owners.get(anonymousId) ?? new Set()).add(userId));
  }
  expect([...owners.values()].every(({ size }) => size === 1)).toBe(true);
  const once = new Map(arrived.toReversed().map((each) => [each.event.messageId, each]));
  return [...once.values()].map(({ event, at }) => {
    const { call, messageId, occurredAt } = event;
    const { userId, anonymousId = '' } = idsOf(event);
    const owner = userId ?? [...(owners.get(anonymousId) ?? [])][0];
    return {
      customer: owner === undefined ? walk.customer('anonymous_id', anonymousId) : walk.customer('user_id', owner),
      messageId,
      event: call.kind === 'track' ? call.event : call.kind,
      occurredAt: Math.min(occurredAt, at + tolerance),
      properties: call.kind === 'identify' ? {} : call.properties,
    };
  });
}

function idsOf({ who }: ShopEvent): { readonly userId?: string; readonly anonymousId?: string } {
  return who;
}

function folded(): Map<string, string[]> {
  const members = new Map<string, Set<string>>();
  for (const { customer, segment, change } of changes) {
    const own = members.get(customer) ?? new Set();
    members.set(customer, own);
    own[change === 'entered' ? 'add' : 'delete'](segment);
  }
  return new Map([...members].filter(([, { size }]) => size > 0).map(([customer, own]) => [customer, [...own].sort()]));
}

/** Ids of the messages that came with the fault. */
const withFault = (fault: Fault): string[] =>
  arrived.flatMap((each) => (each.fault === fault ? [each.event.messageId] : [])).sort();

describe('after a week', () => {
  it('everybody is a member of what a plain computation over the events of the week says', () => {
    const decided = Math.min(...sources.map((source) => walk.watermarks.of(source)));
    expect(decided).toBe(week.end + 10 * minute - 5 * second);
    const expected = membershipsAt(plainEvents(), decided);
    expect(folded()).toEqual(new Map(expected));
    expect(new Set([...expected.values()].flat()).size).toBe(5);
    expect(new Set(changes.map(({ cause }) => cause.kind))).toEqual(new Set(['event', 'timer', 'correction']));
  });

  it('every event has been taken once, whatever was doubled or late', () => {
    const sent = new Set(arrived.map(({ event }) => event.messageId));
    expect(identified.flatMap(({ event }) => event?.messageId ?? []).sort()).toEqual([...sent].sort());
    expect(arrived.length - sent.size).toBe(withFault('duplicate').length);
    for (const fault of ['duplicate', 'out-of-order', 'late', 'future'] as const)
      expect(withFault(fault).length).toBeGreaterThan(3);
    expect(walk.read(topics.eventsRejected)).toEqual([]);
  });

  it('what claims to come from the future has happened when it came in', () => {
    const clamped = identified.flatMap(({ event }) =>
      event?.flags.includes('future-clamped') === true ? [event.messageId] : [],
    );
    expect(clamped.sort()).toEqual(withFault('future'));
  });

  it('every change has been told once, by a sequence of each customer without gaps', () => {
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
    for (const own of Map.groupBy(changes, ({ customer }) => customer).values())
      expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, index) => index + 1));
  });
});
