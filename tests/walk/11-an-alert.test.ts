/**
 * 11. An alert.
 *
 * The same events feed whoever else wants to know. `detect-fraud` is a processor of its own, with its own state, its own speed
 * and its own deployment: it reads `events.identified` and writes `fraud.alerts`. A log-in from a device that was never seen of
 * this customer, and then a change of address within ten minutes, is suspicious. It is told once, with both events, by event
 * time: whatever comes in first.
 *
 * It stays with the customer through a merge by the same markers as the segments (chapter 9), and declares no more for that
 * than how two states become one.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk();
  walk.at(0, logIn('old-phone', 'known'));
  await walk.settle();
});

const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
const logIn = (anonymousId: string, messageId: string, more = {}): ReturnType<typeof identify> =>
  identify({ userId: 'ada', anonymousId }, {}, { messageId, ...more });
const move = (anonymousId: string, messageId: string, more = {}): ReturnType<typeof track> =>
  track({ userId: 'ada', anonymousId }, 'Address Changed', { city: 'Elsewhere' }, { messageId, ...more });

describe('a log-in from a device never seen, and then a change of address', () => {
  it('is an alert at once, with both events and how fresh it is', async () => {
    walk.at(100, logIn('new-laptop', 'login'));
    walk.at(109, move('new-laptop', 'moved'));
    await walk.settle();
    const [alert, ...others] = walk.driver.read(topics.fraudAlerts);
    expect(others).toEqual([]);
    expect(alert?.key).toBe(walk.customer('user_id', 'ada'));
    expect(alert?.value).toMatchObject({
      customer: walk.customer('user_id', 'ada'),
      rule: 'new-device-then-address',
      events: ['login', 'moved'],
      effectiveAt: at(109),
    });
    expect(alert?.value.proof.sources.map(({ source }) => source)).toEqual(['shop']);
    expect(alert?.value.reason).not.toContain('Elsewhere');
  });

  it('is one alert in whatever order they come in, and however often', async () => {
    walk.at(110, move('new-laptop', 'moved', { timestamp: iso(109) }));
    await walk.settle();
    expect(walk.read(topics.fraudAlerts)).toEqual([]);
    const late = logIn('new-laptop', 'login', { timestamp: iso(100) });
    walk.at(112, late);
    await walk.settle();
    walk.at(113, late, move('new-laptop', 'moved', { timestamp: iso(109) }));
    await walk.settle();
    expect(walk.read(topics.fraudAlerts).map(({ events }) => events)).toEqual([['login', 'moved']]);
  });

  it('is none from a device that is known, nor after ten minutes', async () => {
    walk.at(50, logIn('old-phone', 'login-1'), move('old-phone', 'moved-1'));
    walk.at(100, logIn('new-laptop', 'login-2'));
    walk.at(111, move('new-laptop', 'moved-2'));
    await walk.settle();
    expect(walk.read(topics.fraudAlerts)).toEqual([]);
  });

  it('is noticed although the device was somebody else until the log-in', async () => {
    walk.at(90, track({ anonymousId: 'new-laptop' }, 'Product Viewed'));
    await walk.settle();
    walk.at(100, logIn('new-laptop', 'login'));
    walk.at(105, move('new-laptop', 'moved'));
    await walk.settle();
    expect(walk.read(topics.fraudAlerts).map(({ events }) => events)).toEqual([['login', 'moved']]);
  });

  it('stops nobody else: mails go on while the detector stands still', async () => {
    walk.at(1, track({ userId: 'ada' }, 'Order Completed', { order_id: 'o1', total: 300, products: [] }));
    walk.at(100, logIn('new-laptop', 'login'), move('new-laptop', 'moved'));
    await walk.settleBefore('detect-fraud');
    expect(walk.changes()).toContain('entered big-basket at 1 (event)');
    expect(walk.read(topics.fraudAlerts)).toEqual([]);
    await walk.settle();
    expect(walk.read(topics.fraudAlerts)).toHaveLength(1);
  });
});
