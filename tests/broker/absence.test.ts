import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import type { Customer, SourceStatus } from '../../services/views.ts';
import { Deployment, everything, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/**
 * Absence in true time on a real Kafka: a tool that is lent must come back within three seconds. The counter is fed by the
 * gateway, which runs as a process of its own here; the door by a producer of its own, so its clock goes on without the gateway.
 */
const KEY = 'key of the counter';
const WAIT_MS = 3000;
const LATENESS_MS = 500;
const absence = (segment: string, of: string, after: string): string => `
segment: ${segment}
when: { absence: { of: ${of}, after: ${after}, within: 3s, same: thing, for: 2s } }
`;
const workspace = {
  'freshet.yaml': 'name: tool-library\nsecret: a secret of tools\n',
  'sources/counter.yaml': `
source: counter
description: Tools that are lent and returned
owner: counter
endpoint: { write_keys: ['\${COUNTER_KEY}'] }
lateness: ${LATENESS_MS}ms
events: [Tool Lent, Tool Returned]
`,
  'sources/door.yaml': `
source: door
description: Visitors as the door counts them
owner: house
topic: {}
liveness: drained
lateness: ${LATENESS_MS}ms
events: [Door Opened, Door Closed]
`,
  'segments/overdue.yaml': absence('overdue', 'Tool Returned', 'Tool Lent'),
  'segments/door-left-open.yaml': absence('door-left-open', 'Door Closed', 'Door Opened'),
};

let deployment: Deployment;
let freshet: RunningFreshet;
let gateway: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { COUNTER_KEY: KEY });
  kafka = new PlainKafka();
  freshet = await deployment.run(everything.filter((name) => name !== 'gateway'));
  gateway = await deployment.run(['gateway'], 'two');
  heard = await kafka.listen(membership());
  await sourceIs('counter', 'fresh');
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const membership = (): string => `${deployment.prefix}segments.membership`;

/** One at the counter; resolves with the time at which it happened. */
async function happens(event: string, userId: string, thing: string): Promise<number> {
  const timestamp = Date.now();
  const messageId = `${event} ${userId} ${thing}`;
  const body = { userId, event, messageId, timestamp: new Date(timestamp).toISOString(), properties: { thing } };
  expect((await post(gateway.gateway, KEY, 'track', body)).status).toBe(200);
  return timestamp;
}

async function sourceIs(source: string, status: string): Promise<void> {
  await eventually(
    () => freshet.get<{ sources: readonly SourceStatus[] }>('/api/walk'),
    ({ sources }) => expect(sources).toContainEqual(expect.objectContaining({ source, status })),
  );
}

/** The customer of a visitor, once he is known. */
async function customerOf(userId: string): Promise<string> {
  const known = () => freshet.get<Customer>(`/api/customers/user_id/${userId}`);
  return (await eventually(known, ({ customer }) => expect(customer).toMatch(/./))).customer;
}

/** Changes of one visitor's membership, once there are so many. */
async function changesOf(userId: string, segment: string, count: number): Promise<readonly MembershipChange[]> {
  const id = await customerOf(userId);
  const own = (all: readonly MembershipChange[]) => all.filter((each) => each.customer === id && each.segment === segment);
  return own(await heard.until<MembershipChange>(membership(), (all) => own(all).length >= count));
}

describe('a wait', () => {
  it('that ends without what was waited for is told in time, by the clock alone, and so is its end', async () => {
    const lent = await happens('Tool Lent', 'ann', 'saw');
    const [entered, left] = await changesOf('ann', 'overdue', 2);
    expect(entered).toMatchObject({ change: 'entered', effectiveAt: lent + WAIT_MS, cause: { kind: 'timer', messageId: null } });
    expect(left).toMatchObject({ change: 'left', effectiveAt: lent + WAIT_MS + 2000, cause: { kind: 'timer', messageId: null } });
    // Only when everything up to that moment had been seen, which is the lateness after it at the earliest.
    const { now, lagMs, sources = [] } = entered?.proof ?? {};
    expect(now).toBeGreaterThanOrEqual(lent + WAIT_MS);
    expect(lagMs).toBeGreaterThanOrEqual(LATENESS_MS);
    expect(lagMs).toBeLessThan(10_000);
    expect(sources).toMatchObject([{ source: 'counter', watermark: now, status: 'fresh', asOf: lent }]);
  });

  it('that ends with what was waited for is never told', async () => {
    await happens('Tool Lent', 'ben', 'saw');
    await happens('Tool Returned', 'ben', 'saw');
    const again = await happens('Tool Lent', 'ben', 'drill');
    const [first] = await changesOf('ben', 'overdue', 1);
    expect(first).toMatchObject({ sequence: 1, effectiveAt: again + WAIT_MS });
  });

  it('is held while nobody vouches for the source, and told for its true time when somebody does again', async () => {
    const lent = await happens('Tool Lent', 'cleo', 'saw');
    const customer = await customerOf('cleo');
    await gateway.stop();
    const producer = await kafka.producer();
    const opened = Date.now();
    const value = JSON.stringify({
      type: 'track',
      event: 'Door Opened',
      userId: 'dan',
      messageId: 'door 1',
      timestamp: new Date(opened).toISOString(),
      properties: { thing: 'door' },
    });
    await producer.send({ topic: `${deployment.prefix}raw.door`, messages: [{ key: 'dan', value }] });
    // The clock of the door passes a moment that lies behind the end of the wait at the counter.
    const doors = await heard.until<MembershipChange>(membership(), (all) =>
      all.some(({ segment, change }) => segment === 'door-left-open' && change === 'left'),
    );
    expect(doors.find(({ segment }) => segment === 'door-left-open')).toMatchObject({ effectiveAt: opened + WAIT_MS });
    expect(heard.values<MembershipChange>(membership()).filter((each) => each.customer === customer)).toEqual([]);

    gateway = await deployment.run(['gateway'], 'two');
    const [entered] = await changesOf('cleo', 'overdue', 1);
    expect(entered).toMatchObject({ change: 'entered', effectiveAt: lent + WAIT_MS, cause: { kind: 'timer' } });
    await sourceIs('counter', 'fresh');
  });
});
