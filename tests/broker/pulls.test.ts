import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  ActivationRequest,
  ActivationWithheld,
  MembershipChange,
  ReferenceFact,
  SourceFreshness,
} from '../../schemas/generated/types.ts';
import { Deployment, everything, type RunningFreshet } from '../support/deployment.ts';
import { type Listener, PlainKafka } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/**
 * Sources that are asked for, that call, whose files lie in a folder, and that are asked because of events, as parts of `freshet run` on a real Kafka, with the
 * other side as a real HTTP server: it is busy, then away, then slow, and answers in the end.
 */
const KEYS = { SITE_KEY: 'key of the site', PAYMENTS_SECRET: 'secret of the payments', WEATHER_TOKEN: 'token of the weather' };
const prices = Array.from({ length: 2500 }, (_, index) => `p${index}`);
const pricedAt = '2026-03-01T00:00:00Z';
const mail = '---\nsubject: Hello\n---\n<mjml><mj-body></mj-body></mjml>\n';
const activation = (name: string, segment: string, more = ''): string => `
activation: ${name}
on: { segment: ${segment} }
channel: email
address: email
template: hello
data: { sky: sky, left: '=stock("pan").left' }
valid_for: 1h
${more}`;
const opened = (name: string, atLeast: number): string => `
segment: ${name}
eager: true
when: { count: { of: Page Opened, within: 1d, at_least: ${atLeast} } }
`;
const workspace = (side: string): Record<string, string> => ({
  'freshet.yaml': 'name: pulls\nsecret: a secret of pulls\n',
  'sources/site.yaml': `
source: site
description: Visits
owner: web
endpoint: { write_keys: ['\${SITE_KEY}'] }
events: [Identify, Page Opened]
`,
  'sources/stock.yaml': `
source: stock
description: What is there
owner: warehouse
poll: { url: '${side}/stock', every: 1s, items: body.articles }
transform:
  - event: Stock Told
    as_of: record.at
    properties: { sku: record.sku, left: record.left }
table: { name: stock, key: sku, values: [left] }
`,
  'sources/prices.yaml': `
source: prices
description: What everything costs
owner: buying
files: { folder: drop, columns: [sku, price, at], as_of: record.at, settle: 1s }
transform:
  - event: Price Told
    properties: { sku: record.sku, price: double(record.price) }
table: { name: prices, key: sku, values: [price] }
`,
  'drop/prices.csv': `sku,price,at\n${prices.map((sku) => `${sku},9.50,${pricedAt}\n`).join('')}`,
  'sources/payments.yaml': `
source: payments
description: What is paid
owner: finance
webhook: { secrets: ['\${PAYMENTS_SECRET}'], signature: github }
transform:
  - event: Bill Paid
    message_id: record.id
    identifiers: { user_id: record.who }
`,
  'sources/weather.yaml': `
source: weather
description: The weather where somebody is
owner: marketing
enrich:
  events: [Page Opened]
  key: event.properties.city
  url: ${side}/weather/{key}
  auth: { bearer: '\${WEATHER_TOKEN}' }
  fresh_for: 1h
  timeout: 1m
  budget: { calls: 100, per: 1d }
transform:
  - type: identify
    identifiers: { user_id: record.identifiers.user_id }
    traits: { sky: record.answer.sky }
`,
  'segments/visitors.yaml': opened('visitors', 1),
  'segments/returning.yaml': opened('returning', 2),
  'segments/payers.yaml': 'segment: payers\neager: true\nwhen: { count: { of: Bill Paid, within: 1d, at_least: 1 } }\n',
  'activations/first.yaml': activation('first', 'visitors'),
  'activations/patient.yaml': activation('patient', 'visitors', 'wait: { for: [sky], at_most: 5m }\n'),
  'activations/second.yaml': activation('second', 'returning'),
  'templates/hello.mjml': mail,
});

/** What the other side has been asked, and the answer about the weather that it still owes. */
const asked: { readonly path: string; readonly who: string | undefined }[] = [];
let owed: ServerResponse | undefined;
let oweNow = (): void => undefined;
const owes = new Promise<void>((resolve) => (oweNow = resolve));
const server = createServer((request, response) => {
  const path = request.url ?? '';
  asked.push({ path, who: request.headers.authorization });
  if (path === '/stock') {
    response.end(JSON.stringify({ articles: [{ sku: 'pan', left: 3, at: '2026-03-01T00:00:00Z' }] }));
    return;
  }
  const times = asked.filter((each) => each.path === path).length;
  if (times === 1) response.writeHead(429, { 'retry-after': '0' }).end();
  else if (times === 2) response.writeHead(503).end();
  else {
    owed = response;
    oweNow();
  }
});

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
const topic = (name: string): string => `${deployment.prefix}${name}`;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  deployment = await Deployment.create(workspace(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), KEYS);
  kafka = new PlainKafka();
  freshet = await deployment.run([...everything, 'keep-reference', 'polls', 'files', 'enrichments']);
  const topics = [
    'activations.requested',
    'activations.withheld',
    'segments.membership',
    'reference.stock',
    'reference.prices',
    'sources.freshness',
    'sources.enrichments',
  ];
  heard = await kafka.listen(...topics.map(topic));
  // It asks because of what comes after it has said for the first time how far it is.
  await heard.until(topic('sources.enrichments'), (values) => values.length > 0);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

let count = 0;
async function send(type: string, body: object): Promise<void> {
  const call = { messageId: `m-${++count}`, timestamp: new Date().toISOString(), userId: 'ann', ...body };
  expect((await post(freshet.gateway, KEYS.SITE_KEY, type, call)).status).toBe(200);
}
const view = (): Promise<void> => send('track', { event: 'Page Opened', properties: { city: 'Oslo' } });

/** What the message of an activation was made of. */
async function dataOf(name: string): Promise<unknown> {
  const of = (values: readonly ActivationRequest[]) => values.find((each) => each.activation === name);
  return JSON.parse(
    of(await heard.until<ActivationRequest>(topic('activations.requested'), (all) => of(all) !== undefined))?.data ?? '',
  );
}

describe('on a real Kafka', () => {
  it('what is asked for is a row that can be looked up, and what calls counts once', async () => {
    const [row] = await heard.until<ReferenceFact>(topic('reference.stock'), (values) => values.length > 0);
    expect(row).toMatchObject({ key: 'pan', source: 'stock' });
    const body = JSON.stringify({ id: 'p1', who: 'bob' });
    const signature = createHmac('sha256', KEYS.PAYMENTS_SECRET).update(body).digest('hex');
    const headers = { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-delivery': 'd1' };
    for (let time = 0; time < 2; time++) {
      const response = await fetch(`${freshet.gateway}/webhooks/payments`, { method: 'POST', headers, body });
      expect(response.status).toBe(200);
    }
    const changes = await heard.until<MembershipChange>(topic('segments.membership'), (values) => values.length > 0);
    expect(changes).toMatchObject([{ segment: 'payers', change: 'entered', proof: { sources: expect.anything() } }]);
  });

  it('a file that lies in a folder is taken in row by row, and its end is as of when the source is known', async () => {
    const told = await heard.until<ReferenceFact>(topic('reference.prices'), (values) => values.length >= prices.length);
    expect(told.map(({ key }) => key).sort()).toEqual([...prices].sort());
    const isKnown = ({ source, watermark }: SourceFreshness): boolean =>
      source === 'prices' && watermark === Date.parse(pricedAt);
    await heard.until<SourceFreshness>(topic('sources.freshness'), (values) => values.some(isKnown));
    expect(await readdir(join(deployment.workspace, 'drop', 'done'))).toEqual(['prices.csv']);
    const metrics = await (await fetch(`${freshet.console}/metrics`)).text();
    expect(metrics).toContain('freshet_files_total{source="prices",outcome="done"} 1');
    expect(metrics).toContain(`freshet_file_rows_total{source="prices",outcome="taken"} ${prices.length}`);
  });

  it('an answer that comes after the first page is used on the second, and a message may wait for it', async () => {
    await send('identify', { traits: { email: 'ann@example.com' } });
    await view();
    // Busy, away, then slow: the page that was viewed first goes without it.
    await owes;
    expect(await dataOf('first')).toEqual({ left: 3 });
    const withheld = await heard.until<ActivationWithheld>(topic('activations.withheld'), (values) => values.length > 0);
    expect(withheld).toMatchObject([{ activation: 'patient', gate: 'enrichment', decision: 'held' }]);

    owed?.end(JSON.stringify({ sky: 'grey' }));
    expect(await dataOf('patient')).toEqual({ sky: 'grey', left: 3 });
    await view();
    expect(await dataOf('second')).toEqual({ sky: 'grey', left: 3 });
    const calls = asked.filter(({ path }) => path === '/weather/Oslo');
    expect(calls.map(({ who }) => who)).toEqual(Array.from({ length: 3 }, () => `Bearer ${KEYS.WEATHER_TOKEN}`));
    const metrics = await (await fetch(`${freshet.console}/metrics`)).text();
    expect(metrics).toContain('freshet_enrich_calls_total{source="weather",outcome="busy"} 1');
    expect(metrics).toMatch(/freshet_enrich_questions_total\{source="weather",result="cached"\} [1-9]/);
  });
});
