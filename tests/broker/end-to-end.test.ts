import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Analytics } from '@segment/analytics-node';
import type { ActivationOutcome, MembershipChange } from '../../schemas/generated/types.ts';
import type { Customer, Trace, Walk, SourceStatus } from '../../services/views.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';
import { sh } from '../support/shell.ts';

/**
 * The walk of one event on a real Kafka, seen from outside: the SDK of Segment sends, programs that know nothing of freshet read.
 * The workspace is that of a ferry line.
 */
const workspace = {
  'freshet.yaml': 'name: ferry-line\nsecret: ${FERRY_SECRET}\n',
  'sources/booking-desk.yaml': `
source: booking-desk
description: Crossings that passengers book and cancel
owner: sales
endpoint: { write_keys: ['\${FERRY_KEY}'] }
lateness: 1s
`,
  'segments/regulars.yaml': `
segment: regulars
when: { count: { of: Crossing Booked, within: 7d, at_least: 2 } }
`,
  'segments/undecided.yaml': `
segment: undecided
when: { count: { of: Crossing Cancelled, within: 1d, at_least: 1 } }
`,
  'activations/greet-regulars.yaml': `
activation: greet-regulars
on: { segment: regulars }
channel: email
address: email
template: greeting
data: { name: name }
valid_for: 1h
`,
  'templates/greeting.mjml': `---
subject: 'Welcome aboard again, {{ name }}'
---
<mjml><mj-body><mj-section><mj-column>
<mj-text>The upper deck is yours. <a href="{{ why_url }}">Why did I get this?</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
`,
};

const WRITE_KEY = 'key of the booking desk';
const PASSENGER = 'ida@harbour.example';
const IDA = { userId: 'passenger-1' };

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
let analytics: Analytics;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { FERRY_SECRET: 'secret of the ferries', FERRY_KEY: WRITE_KEY });
  kafka = new PlainKafka();
  freshet = await deployment.start();
  heard = await kafka.listen(topic('segments.membership'), topic('activations.outcomes'));
  analytics = new Analytics({ writeKey: WRITE_KEY, host: freshet.gateway, flushAt: 1 });
});
afterAll(async () => {
  await analytics.closeAndFlush({ timeout: 5000 });
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const topic = (name: string): string => deployment.prefix + name;
const memberships = (count: number): Promise<readonly MembershipChange[]> =>
  heard.until(topic('segments.membership'), (changes) => changes.length >= count);

/** Resolves when the gateway has answered. */
function book(event: string, messageId: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    analytics.track({ ...IDA, event, messageId, properties: { from: 'Oban', to: 'Mull' } }, (error) =>
      error === undefined ? resolve(undefined) : reject(error instanceof Error ? error : new Error('not delivered')),
    );
  });
}

describe('an event from the SDK of Segment', () => {
  it('becomes a membership with its proof, once, although the same calls are sent again', async () => {
    await eventually(
      () => freshet.get<{ sources: readonly SourceStatus[] }>('/api/walk'),
      ({ sources }) => expect(sources).toMatchObject([{ source: 'booking-desk', status: 'fresh' }]),
    );
    await new Promise((resolve) => {
      analytics.identify({ ...IDA, messageId: 'm-0', traits: { email: PASSENGER, name: 'Ida' } }, resolve);
    });
    await book('Crossing Booked', 'm-1');
    await book('Crossing Booked', 'm-1');
    const before = Date.now();
    await book('Crossing Booked', 'm-2');
    await book('Crossing Booked', 'm-2');
    // What was decided by all of that lies before what this one decides.
    await book('Crossing Cancelled', 'm-3');

    const changes = await memberships(2);
    expect(changes.map(({ segment, change, sequence }) => [segment, change, sequence])).toEqual([
      ['regulars', 'entered', 1],
      ['undecided', 'entered', 2],
    ]);
    const [entered] = changes;
    expect(entered?.cause).toMatchObject({
      kind: 'event',
      messageId: 'm-2',
      event: 'Crossing Booked',
      after: { topic: 'events.identified' },
    });
    const { sources = [], hops = [], now, lagMs } = entered?.proof ?? {};
    expect(sources).toEqual([
      {
        source: 'booking-desk',
        status: 'fresh',
        watermark: expect.any(Number),
        asOf: expect.any(Number),
        ageMs: expect.any(Number),
        link: null,
      },
    ]);
    expect(sources[0]?.watermark).toBe(now);
    expect(lagMs).toBeLessThan(60_000);
    expect(hops.map(({ hop }) => hop)).toEqual(['gateway', 'tag-freshness', 'stitch-identity']);
    const times = hops.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(before);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
  });

  it('ends as a mail in the mailbox, whose link says why', async () => {
    await heard.until<ActivationOutcome>(topic('activations.outcomes'), (all) => all.some(({ status }) => status === 'sent'));
    const mails = await freshet.get<readonly { id: number; subject: string; to: readonly string[] }[]>('/mail/api/mails');
    expect(mails).toMatchObject([{ to: [PASSENGER], subject: 'Welcome aboard again, Ida' }]);
    const { html } = await freshet.get<{ html: string }>(`/mail/api/mails/${mails[0]?.id}`);
    const [, link = ''] = /href="([^"]*\/why\/[^"]*)"/.exec(html) ?? [];
    expect(link).toContain(`${freshet.console}/why/`);

    const why = await fetch(link);
    const page = await why.text();
    expect([why.status, page]).toEqual([200, expect.stringContaining('regulars')]);
    expect(page).toContain('Crossing Booked');
    expect(page).toContain('stitch-identity');
    expect(page).toContain('booking-desk');
    expect(page).toContain('sent');
    expect(page).not.toContain(PASSENGER);
    expect((await fetch(`${freshet.console}/why/unknown`)).status).toBe(404);
  });

  it('is a fact about its customer, by any of his identifiers', async () => {
    const [byId, byMail] = await Promise.all([
      freshet.get<Customer>('/api/customers/user_id/passenger-1'),
      freshet.get<Customer>(`/api/customers/email/${PASSENGER.toUpperCase()}`),
    ]);
    expect(byId.customer).toBe((await memberships(1))[0]?.customer);
    expect(byMail.customer).toBe(byId.customer);
    expect(byId.memberships.map(({ segment }) => segment).sort()).toEqual(['regulars', 'undecided']);
    expect(byId.facts).toContainEqual(
      expect.objectContaining({ name: 'name', value: 'Ida', source: 'booking-desk', ageMs: expect.any(Number) }),
    );
    expect((await fetch(`${freshet.console}/api/customers/user_id/nobody`)).status).toBe(404);
  });

  it('can be traced over all its hops to what it changed', async () => {
    const trace = await freshet.get<Trace>('/api/trace/m-2');
    expect(trace).toMatchObject({ messageId: 'm-2', source: 'booking-desk', event: 'Crossing Booked', state: 'accepted' });
    expect(trace.customer).toBe((await memberships(1))[0]?.customer);
    expect(trace.hops.map(({ hop, topic }) => [hop, topic])).toEqual([
      ['gateway', 'events.raw'],
      ['tag-freshness', 'events.tagged'],
      ['stitch-identity', 'events.identified'],
      ['customers', 'segments.membership'],
    ]);
    expect(trace.changed).toContainEqual(expect.stringContaining('entered segment regulars (change 1'));
    expect(trace.changed).toContainEqual(expect.stringContaining('message greet-regulars requested over email'));
    expect((await fetch(`${freshet.console}/api/trace/m-9`)).status).toBe(404);
  });

  it('is counted at every hop, in the walk and in the metrics', async () => {
    const walk = await eventually(
      () => freshet.get<Walk>('/api/walk'),
      ({ events, hops }) => {
        expect(events).toBe(6);
        expect(hops.map(({ waiting }) => waiting ?? 0)).toEqual(hops.map(() => 0));
      },
    );
    expect(walk.hops.map(({ hop, rejected }) => [hop, rejected])).toEqual(
      ['gateway', 'tag-freshness', 'stitch-identity', 'customers', 'detect-fraud', 'email-sink'].map((hop) => [hop, 0]),
    );

    const metrics = await (await fetch(`${freshet.console}/metrics`)).text();
    const sum = (name: string, ...labels: readonly string[]): number =>
      metrics
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    const records = (processor: string, direction: string): number =>
      sum('freshet_records_total', `processor="${processor}"`, `direction="${direction}"`);
    expect(records('tag-freshness', 'in')).toBe(6);
    expect(records('stitch-identity', 'in')).toBeGreaterThanOrEqual(6);
    // Two of the six were sent twice.
    expect(records('customers', 'in')).toBe(4);
    expect(records('tag-freshness', 'rejected')).toBe(0);
    expect(records('tag-freshness', 'out')).toBe(6);
    expect(records('stitch-identity', 'out')).toBeGreaterThanOrEqual(4);
    // Two changes of membership, each with what the customer belongs to then, two traits, one request.
    expect(records('customers', 'out')).toBe(7);
    for (const processor of ['tag-freshness', 'stitch-identity', 'customers', 'detect-fraud']) {
      expect(sum('freshet_lag_records', `processor="${processor}"`)).toBe(0);
      expect(metrics).toContain(`freshet_lag_seconds{processor="${processor}",partition="0"}`);
      // Nothing here concerns a rule of fraud: what leaves nothing behind costs no transaction there.
      if (processor !== 'detect-fraud')
        expect(sum('freshet_commit_seconds_count', `processor="${processor}"`)).toBeGreaterThan(0);
    }
    // Of the one mail: from what happened to it, and the way between.
    const handedOver = ['activation="greet-regulars"', 'channel="email"', 'until="handed_over"'];
    expect(sum('freshet_activation_delay_seconds_count', ...handedOver)).toBe(1);
    expect(sum('freshet_activation_delay_seconds_sum', ...handedOver)).toBeGreaterThan(0);
    const hops = ['gateway', 'tag-freshness', 'stitch-identity', 'customers', 'email-sink'];
    expect(hops.map((hop) => sum('freshet_hop_seconds_count', `hop="${hop}"`))).toEqual(hops.map(() => 1));
    expect(sum('freshet_store_bytes', 'processor="customers"')).toBeGreaterThan(0);
    expect(metrics).not.toContain(PASSENGER);
  });

  it('took so long, as `freshet status` says, hop by hop with the slowest named', async () => {
    const port = new URL(freshet.console).port;
    const { code, stdout } = await sh('npm run -s freshet -- status', { FRESHET_CONSOLE_PORT: port });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^from what happened to the message: half within .* of the last 1$/m),
    ]);
    expect(stdout).toMatch(/^ {2}email-sink +half within/m);
    expect(stdout.match(/<- the slowest$/gm)).toHaveLength(1);
    expect(stdout).toMatch(/^ {2}booking-desk +fresh since/m);
  });

  it('is told in the terminal, and everything ends in order when asked to', async () => {
    const line = 'events 6, lag 0 s, entered 2, left 0, mails 1, held 0, rejected 0';
    await eventually(
      async () => freshet.said,
      (said) => expect(said).toContain(line),
    );
    expect(await freshet.stop()).toBe(0);
    expect(freshet.said.at(-1)).toBe('freshet: ended; nothing is left running');
  });
});
