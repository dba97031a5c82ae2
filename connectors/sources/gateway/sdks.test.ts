import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics } from '@segment/analytics-node';
import { brokersAway, listen } from './fixture.ts';

let gw: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  gw = await listen();
});
afterEach(() => gw.gateway.stop(0));

const user = { userId: 'u-1', anonymousId: 'a-1' };
const sent = (): readonly unknown[] => gw.producer.records.map(({ message }) => message['type']);
const all = ['alias', 'group', 'identify', 'page', 'screen', 'track'];

describe('@segment/analytics-node with another host', () => {
  it('delivers every kind of call', async () => {
    const analytics = new Analytics({ writeKey: 'WK', host: gw.url, flushAt: 3 });
    const errors: unknown[] = [];
    analytics.on('error', (error) => errors.push(error));
    analytics.identify({ ...user, traits: { email: 'm@shop.example' } });
    analytics.track({ ...user, event: 'Order Completed', properties: { total: 42.5 } });
    analytics.page({ ...user, name: 'Home' });
    analytics.screen({ ...user, name: 'Cart' });
    analytics.group({ ...user, groupId: 'g-1' });
    analytics.alias({ userId: 'u-1', previousId: 'a-1' });
    await analytics.closeAndFlush();
    expect(errors).toEqual([]);
    expect(
      sent()
        .map(String)
        .sort((a, b) => a.localeCompare(b)),
    ).toEqual(all);
    expect(gw.producer.records.every(({ header }) => header('sent-at') !== undefined && header('source') === 'web')).toBe(true);
  });

  it('sends again after a 503, with the same message id and without a say on its clock', async () => {
    const analytics = new Analytics({ writeKey: 'WK', host: gw.url, flushAt: 1 });
    let failures = 1;
    gw.producer.onSend = () => (failures-- > 0 ? Promise.reject(brokersAway()) : undefined);
    const delivered = new Promise((resolve) => {
      analytics.track({ ...user, event: 'E', messageId: 'mine' }, resolve);
    });
    await gw.feed.reaches(1);
    await gw.feed.reaches(0);
    gw.clock.advance(10_000);
    await delivered;
    await analytics.closeAndFlush();
    expect(gw.producer.records.map(({ header }) => [header('message-id'), header('sent-at')])).toEqual([['mine', undefined]]);
  });

  it('is told of a write key that nobody has', async () => {
    const analytics = new Analytics({ writeKey: 'wrong', host: gw.url, flushAt: 1 });
    const failed = new Promise((resolve) => {
      analytics.on('error', resolve);
    });
    analytics.track({ ...user, event: 'E' });
    expect(await failed).toMatchObject({ code: 'delivery_failure' });
    await analytics.closeAndFlush();
    expect(gw.producer.batches).toEqual([]);
  });
});

describe('@rudderstack/rudder-sdk-node with another host', () => {
  it('delivers every kind of call, compressed as it does unasked', async () => {
    const analytics = new RudderAnalytics('WK', { dataPlaneUrl: gw.url, flushAt: 20, flushInterval: 60_000 });
    analytics.identify({ ...user, traits: { email: 'm@shop.example' } });
    analytics.track({ ...user, event: 'Order Completed', properties: { total: 42.5 } });
    analytics.page({ ...user, name: 'Home' });
    analytics.screen({ ...user, name: 'Cart' });
    analytics.group({ ...user, groupId: 'g-1' });
    analytics.alias({ userId: 'u-1', previousId: 'a-1' });
    await analytics.flush();
    expect([...new Set(sent().map(String))].sort((a, b) => a.localeCompare(b))).toEqual(all);
    expect(new Set(gw.producer.records.map(({ header }) => header('message-id'))).size).toBe(6);
    expect(await gw.gateway.registry.metrics()).toMatch(/requests_total\{route="batch",status="200"\} [1-9]/);
  });
});
