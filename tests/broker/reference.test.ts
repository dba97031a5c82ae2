import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ActivationRequest } from '../../schemas/generated/types.ts';
import type { Answer } from '../../services/decide/index.ts';
import { Deployment, everything, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/**
 * Reference data and decisions on a real Kafka, in one process: a price comes in by the gateway, is read from its compacted topic by
 * the tasks of the customers, and its drop reaches who looked. What is in the basket now is asked for right after it was put there.
 */
const KEYS = { SITE_KEY: 'key of the site', PRICES_KEY: 'key of the prices' };
const workspace = {
  'freshet.yaml': 'name: bookshop\nsecret: a secret of books\n',
  'sources/site.yaml': `
source: site
description: Visits
owner: web
endpoint: { write_keys: ['\${SITE_KEY}'] }
events: [Identify, Book Viewed, Book Added, Book Bought]
lateness: 5s
`,
  'sources/prices.yaml': `
source: prices
description: Prices of books
owner: sales
endpoint: { write_keys: ['\${PRICES_KEY}'] }
cadence: on-change
transform:
  - when: record.type == "track"
    event: Price Set
    message_id: record.messageId
    occurred_at: record.timestamp
    properties: record.properties
table:
  name: price
  key: isbn
  values: [amount]
  interest: { events: [Book Viewed], within: 7d }
  changes: [{ event: Price Dropped, when: now.amount < before.amount }]
`,
  'segments/basket.yaml': `
segment: basket
when:
  all:
    - count: { of: Book Added, within: 1d, at_least: 1 }
    - none: [{ count: { of: Book Bought, within: 1d, at_least: 1 } }]
`,
  'segments/cheaper.yaml': `
segment: cheaper
eager: true
when: { last: { of: Price Dropped, property: isbn, exists: true, within: 1d, as: dropped } }
`,
  'activations/cheaper.yaml': `
activation: cheaper
on: { segment: cheaper }
channel: email
address: email
template: cheaper
data: { price: '=price(traits.dropped).amount' }
when: price(traits.dropped).amount < 10
valid_for: 1h
`,
  'templates/cheaper.mjml':
    '---\nsubject: Now {{ price }}\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>{{ price }}</mj-text></mj-column></mj-section></mj-body></mjml>\n',
};

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, KEYS);
  kafka = new PlainKafka();
  freshet = await deployment.run([...everything, 'keep-reference']);
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const at = (): string => new Date().toISOString();
let count = 0;
async function send(key: string, type: string, body: object): Promise<string> {
  const messageId = `m-${++count}`;
  expect((await post(freshet.gateway, key, type, { messageId, timestamp: at(), ...body })).status).toBe(200);
  return messageId;
}
const priced = (isbn: string, amount: number): Promise<string> =>
  send(KEYS.PRICES_KEY, 'track', { anonymousId: `book-${isbn}`, event: 'Price Set', properties: { isbn, amount } });
async function decide(body: object): Promise<{ status: number; answer: Answer }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${freshet.console}/api/decide`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Answer };
}

describe('a price on a real Kafka', () => {
  it('reaches who looked when it drops, with the row that was read in the proof', async () => {
    const requested = `${deployment.prefix}activations.requested`;
    const heard = await kafka.listen(requested);
    await send(KEYS.SITE_KEY, 'identify', { userId: 'eve', traits: { email: 'eve@example.com' } });
    await priced('978', 12);
    await send(KEYS.SITE_KEY, 'track', { userId: 'eve', event: 'Book Viewed', properties: { isbn: '978' } });
    const question = {
      identifier: { kind: 'user_id', value: 'eve' },
      segments: ['cheaper'],
      after: `m-${count}`,
      timeout_ms: 10_000,
    };
    // Until the tasks have been given out nobody holds her, and the answer says so.
    await eventually(
      () => decide(question),
      ({ answer }) => expect(answer.event).toBe('seen'),
    );
    await priced('978', 8);
    const [request] = await heard.until<ActivationRequest>(requested, (values) => values.length > 0);
    expect(JSON.parse(request?.data ?? '')).toEqual({ price: 8 });
    expect(request?.proof.tables).toMatchObject([{ table: 'price', source: 'prices', ageMs: expect.any(Number) }]);
  });
});

describe('a decision', () => {
  it('after an event counts it in, although its time has not passed; without it the membership stands as it was published', async () => {
    const identifier = { kind: 'user_id', value: 'kim' };
    const after = await send(KEYS.SITE_KEY, 'track', { userId: 'kim', event: 'Book Added', properties: { isbn: '1' } });
    const { answer } = await decide({ identifier, segments: ['basket'], after, timeout_ms: 10_000 });
    expect(answer).toMatchObject({ from: 'session', event: 'seen', segments: [{ segment: 'basket', member: true }] });
    const { answer: plain } = await decide({ identifier, segments: ['basket'] });
    expect(plain).toMatchObject({ from: 'membership', event: null, segments: [{ segment: 'basket', member: false }] });
    const { answer: late } = await decide({ identifier, segments: ['basket'], after: 'never-sent', timeout_ms: 200 });
    expect(late).toMatchObject({ from: 'membership', event: 'not seen' });
    expect(late.waitedMs).toBeGreaterThanOrEqual(200);
  });
});
