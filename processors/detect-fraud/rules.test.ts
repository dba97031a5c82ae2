import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, nat, property } from 'fast-check';
import { withHandover } from '../../runtime/handover.ts';
import { KeySimulation, seededRandom } from '../../runtime/handover-simulation.ts';
import type { FraudAlert, IdentifiedEvent, TaggedEvent } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { accountsToTell, uniteAlike, withLogin } from './alike.ts';
import { compileFraud, defaultFraud, type FraudConfig } from './config.ts';
import { changed, event, login, on } from './fixture.ts';
import { detectFraud } from './index.ts';

const minute = 60_000;

function alertsOf(events: readonly TaggedEvent[], config: Partial<FraudConfig> = {}): FraudAlert[] {
  const simulation = new KeySimulation({ processors: [detectFraud(config)], random: () => 0 });
  for (const one of events) simulation.send(topics.eventsIdentified, 'c_u', { customer: 'c_u', event: one, marker: null });
  simulation.run();
  expect(simulation.rejected).toEqual([]);
  return simulation.sent.map(({ value }) => value as FraudAlert);
}

describe('accounts that look alike', () => {
  const others = (...confidences: number[]) => ({
    customer: 'c_u',
    others: confidences.map((confidence, i) => ({ customer: `c_${i}`, confidence, by: 'likeness' })),
  });
  const play = (config: Partial<FraudConfig>, confidences: readonly (readonly number[])[], mode = 'live'): FraudAlert[] => {
    const simulation = new KeySimulation({ processors: [detectFraud(config)], random: () => 0 });
    for (const row of confidences) simulation.send(topics.identityResembles, 'c_u', others(...row));
    const one = { ...login('a', 0, 'known'), mode };
    simulation.send(topics.eventsIdentified, 'c_u', { customer: 'c_u', event: one, marker: null });
    for (const row of confidences) simulation.send(topics.identityResembles, 'c_u', others(...row));
    simulation.run();
    simulation.send(topics.identityResembles, 'c_u', null);
    simulation.run();
    expect(simulation.rejected).toEqual([]);
    return simulation.sent.map(({ value }) => value as FraudAlert);
  };
  const alike = { confidence: 0.9, accounts: 3 };

  it('are an alert where weak links are accepted and there are enough that are sure enough, once', () => {
    const [alert, ...more] = play({ alike }, [
      [0.95, 0.99],
      [0.95, 0.99],
    ]);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ rule: 'accounts-alike', events: ['a'], effectiveAt: 0 });
    expect(alert?.reason).toContain('c_0, c_1');
    expect(play({ alike }, [[0.95, 0.89]])).toEqual([]);
    expect(play({ alike }, [[0.95, 0.99]], 'backfill')).toEqual([]);
  });

  it('are told once, also when one of them has merged into another', () => {
    const log = (at: number) => ({ at, id: `m${at}`, source: 'site', device: 'd' });
    const ours = { others: ['c_1', 'c_2'], login: null, told: 0 };
    const theirs = { others: ['c_u'], login: log(5), told: 3 };
    expect(uniteAlike(ours, theirs)).toEqual({ others: ['c_1', 'c_2'], login: log(5), told: 3 });
    expect(accountsToTell(uniteAlike(ours, theirs), alike)).toBe(0);
    expect(accountsToTell({ ...ours, others: ['c_1', 'c_2', 'c_3'], login: log(5), told: 3 }, alike)).toBe(4);
    expect(withLogin(theirs, log(4)).login).toEqual(log(5));
  });

  it('are none by default: only what common identifiers say counts', () => {
    expect(detectFraud().inputs).toEqual([topics.eventsIdentified]);
    expect(compileFraud({}).alike).toBeUndefined();
    expect(compileFraud({ alike_accounts: { confidence: 0.9 } }).alike).toEqual(alike);
    expect(() => compileFraud({ alike_accounts: {} })).toThrow('confidence');
  });
});

describe('detect-fraud', () => {
  it('raises one alert for a log-in from a new device and a change of address within ten minutes', () => {
    const alerts = alertsOf([login('a', 0, 'known'), login('b', 100, 'new'), changed('c', 105, 'new'), changed('d', 106, 'new')]);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({
      customer: 'c_u',
      events: ['b', 'c'],
      effectiveAt: 105 * minute,
      rule: 'new-device-then-address',
    });
    expect(alerts[0]?.reason).toBe('The address was changed 5 min after a log-in from a device never seen before.');
    expect(alerts[0]?.proof).toMatchObject({ now: null, sources: [{ source: 'site', asOf: 105 * minute, watermark: null }] });
  });

  it('takes a trait that differs from the last address known for a change, and one that is only spelled otherwise not', () => {
    const before = login('a', 0, 'known', { street: 'Elm Street 1', city: 'X' });
    const same = login('c', 101, 'new', { city: 'x', street: ' elm  street 1' });
    const other = login('d', 102, 'new', { street: 'Oak Street 2', city: 'X' });
    expect(alertsOf([before, login('b', 100, 'new'), same])).toEqual([]);
    expect(alertsOf([before, login('b', 100, 'new'), other])).toHaveLength(1);
  });

  it('is quiet about the first device of a customer, a known one, a first address, and a change that comes later', () => {
    expect(alertsOf([login('a', 0, 'first'), changed('b', 1, 'first')])).toEqual([]);
    expect(alertsOf([login('a', 0, 'known'), login('b', 50, 'known'), changed('c', 51, 'known')])).toEqual([]);
    expect(alertsOf([login('a', 0, 'known'), login('b', 50, 'new'), login('c', 51, 'new', 'Elm Street 1')])).toEqual([]);
    expect(alertsOf([login('a', 0, 'known'), login('b', 50, 'new'), changed('c', 61, 'new')])).toEqual([]);
    expect(alertsOf([login('a', 0, 'known'), changed('c', 49, 'known'), login('b', 50, 'new')])).toEqual([]);
  });

  it("does not take a device for the customer's because someone looked around on it without a name", () => {
    const anonymous = event('x', 99, [{ kind: 'anonymous_id', value: 'new' }]);
    expect(alertsOf([login('a', 0, 'known'), anonymous, login('b', 100, 'new'), changed('c', 101, 'new')])).toHaveLength(1);
  });

  it('alarms nobody while history is loaded, but learns from it', () => {
    const backfilled = [login('a', 0, 'known'), login('b', 100, 'new'), changed('c', 105, 'new')].map((one) => ({
      ...one,
      mode: 'backfill',
    }));
    expect(alertsOf(backfilled)).toEqual([]);
    expect(alertsOf([...backfilled, login('d', 200, 'new'), changed('e', 201, 'new')])).toEqual([]);
  });

  it('takes the names of events and the time from its config', () => {
    const config = compileFraud({ login_types: [], login_events: ['Logged On'], address_events: ['Moved House'], within: '2m' });
    const own = [
      event('a', 0, on('known')),
      event('b', 10, on('new'), { event: 'Logged On' }),
      event('c', 12, on('new'), { event: 'Moved House' }),
    ];
    expect(alertsOf(own, config)).toHaveLength(1);
    expect(alertsOf(own, { ...config, windowMs: minute })).toEqual([]);
    expect(alertsOf(own)).toEqual([]);
    expect(compileFraud({})).toEqual(defaultFraud);
    expect(() => compileFraud({ within: 10 })).toThrow('A change of address this soon after');
  });

  it('raises the same alerts in any order of arrival when the devices are known, under the same ids', () => {
    const known = login('a', 0, 'known', 'Elm Street 1');
    const rest = [
      login('b', 100, 'new'),
      login('c', 104, 'new', 'Oak Street 2'),
      login('d', 130, 'newer'),
      changed('e', 131, 'newer'),
    ];
    const ids = alertsOf([known, ...rest]).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    assert(
      property(nat(), (seed) => {
        const random = seededRandom(seed);
        const shuffled = rest.map((one) => [random(), one] as const).sort(([a], [b]) => a - b);
        const found = alertsOf([known, ...shuffled.map(([, one]) => one)]).map(({ id }) => id);
        expect(found.sort()).toEqual([...ids].sort());
      }),
      { numRuns: 50 },
    );
  });

  it('sees a log-in and a change that came under two customers who turn out to be one, once', () => {
    assert(
      property(nat(), constantFrom(true, false), (seed, early) => {
        const detect = detectFraud();
        const handing = withHandover(detect, {
          marker: ({ value }) => (value as IdentifiedEvent).marker ?? undefined,
          loop: topics.customersLoop,
          merge: detect.merge,
        });
        const simulation = new KeySimulation({ processors: [handing], random: seededRandom(seed) });
        const send = (customer: string, one: TaggedEvent): void =>
          simulation.send(topics.eventsIdentified, customer, { customer, event: one, marker: null });
        const mark = (customer: string, kind: string): void => {
          const marker = { kind, loser: 'c_l', winner: 'c_w', members: kind === 'opening' ? [] : ['m'], detail: '' };
          simulation.send(topics.eventsIdentified, customer, { customer, event: null, marker });
        };
        send('c_w', login('a', 0, 'known'));
        send('c_w', login('b', 100, 'new'));
        if (early) simulation.run();
        mark('c_w', 'opening');
        mark('c_l', 'closing');
        send('c_l', changed('c', 104, 'new'));
        mark('c_l', 'sealed');
        simulation.run();
        expect(simulation.sent.map(({ value }) => (value as FraudAlert).events)).toEqual([['b', 'c']]);
        expect(simulation.sent[0]?.key).toBe('c_w');
      }),
      { numRuns: 30 },
    );
  });
});
