/**
 * 12. Another house.
 *
 * Nothing in the code knows a shop. What a business is, is said in its files: which sources it has and how their records become
 * events, which segments it wants to know, whom it writes to and in which words. Here is a bank. Its core system writes to a
 * raw topic of its own, in its own form, and knows nothing of us; its app speaks the Segment specification through the gateway.
 * A customer who asks the app for a loan and has no contract in the core system two hours later gets a mail; that is true only
 * when both have been seen up to then.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { loadWorkspace } from '../../workspace/load.ts';
import { runSegmentTests } from '../../workspace/segment-tests.ts';
import { openMailbox, received, startMailing } from '../support/mail.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const bank = {
  'freshet.yaml': 'name: savings-bank\nsecret: not a secret at all\ntimezone: Europe/Vienna\n',
  'sources/core.yaml': `source: core
description: Bookings and contracts of the core system
owner: back office
topic: {}
lateness: 10s
liveness: { idle_after: 30m }
transform:
  - when: record.kind == "HEARTBEAT"
    skip: heartbeat
  - when: record.kind == "CONTRACT"
    event: Loan Signed
    message_id: record.no
    occurred_at: record.booked
    identifiers: { user_id: record.client }
    properties: { loan_no: record.loan }
  - when: record.kind == "DECLINED"
    event: Card Declined
    message_id: record.no
    occurred_at: record.booked
    identifiers: { user_id: record.client }
    properties: { amount: number(record.amount), terminal: record.terminal }
`,
  'sources/app.yaml': `source: app
description: What clients do in the app
owner: digital banking
endpoint:
  write_keys: ['sha256:${createHash('sha256').update('a key of the bank').digest('hex')}']
events: [Identify, Loan Asked For, Branch Searched]
`,
  'segments/walked-away.yaml': `segment: walked-away
description: Asked for a loan and did not sign it
when:
  absence: { of: Loan Signed, after: Loan Asked For, within: 2h, same: loan_no }
tests:
  - given: [{ t: 0m, event: Loan Asked For, loan_no: l1 }]
    then: { at: 2h, member: true }
`,
  'segments/card-trouble.yaml': `segment: card-trouble
when:
  count: { of: Card Declined, where: properties.amount > 20.0, within: 1h, at_least: 3 }
tests:
  - given: [{ t: 0m, event: Card Declined, amount: 50 }]
    then: { at: 0m, member: false }
`,
  'activations/call-back.yaml': `activation: call-back
on: { segment: walked-away }
channel: email
address: contact_mail
template: come-back
data: { salutation: salutation }
valid_for: 2h
`,
  'activations/new-card.yaml': `activation: new-card
on: { segment: card-trouble }
channel: letter
address: postal_address
template: new-card
valid_for: 2d
`,
  'templates/come-back.mjml': `---
subject: Your loan, {{ salutation }}
---
<mjml><mj-body><mj-section><mj-column><mj-text>{{ salutation }}, shall we call you? {{ why_url }}</mj-text></mj-column></mj-section></mj-body></mjml>
`,
  'templates/new-card.liquid': 'A new card is on its way.\n',
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'walk-bank-'));
  for (const [file, text] of Object.entries(bank)) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }
});
afterAll(() => rm(dir, { recursive: true }));

const openWalk = walks();
let walk: Walk;
beforeEach(async () => {
  walk = await openWalk({ dir });
  walk.at(
    0,
    identify({ userId: '4711' }, { contact_mail: 'eva@client.example', salutation: 'Dear Eva', postal_address: 'Graben 1' }),
  );
  core('HEARTBEAT', 'h0', 0);
  await walk.settle();
});

function core(kind: string, no: string, minutes: number, more: object = {}): void {
  const booked = new Date(at(minutes)).toISOString();
  walk.produce('core', '4711', { kind, no, client: '4711', booked, ...more });
}

describe('a bank', () => {
  it('is described by its files, and their tests pass', async () => {
    const workspace = await loadWorkspace(dir, {});
    expect(runSegmentTests(workspace).flatMap(({ failures }) => failures)).toEqual([]);
    expect(workspace.segments.map(({ name }) => name)).toEqual(['card-trouble', 'walked-away']);
  });

  it('knows at once who has trouble with the card, from records in its own form', async () => {
    for (const minutes of [1, 2, 3]) {
      walk.at(minutes);
      core('DECLINED', `d${minutes}`, minutes, { amount: '50.00', terminal: 't1' });
    }
    core('DECLINED', 'd3', 3, { amount: '50.00', terminal: 't1' });
    core('NONSENSE', 'n1', 3);
    await walk.settle();
    expect(walk.changes()).toEqual(['entered card-trouble at 3 (event)']);
    expect(walk.read(topics.activationsRequested)).toMatchObject([
      { activation: 'new-card', channel: 'letter', to: 'Graben 1', template: 'new-card' },
    ]);
    expect(walk.read(topics.eventsRejected).map(({ source, reason }) => [source, reason])).toEqual([
      ['core', 'transform: no rule fits the record'],
    ]);
    walk.at(70);
    core('HEARTBEAT', 'h1', 70);
    await walk.settle();
    expect(walk.changes()).toEqual(['left card-trouble at 61 (timer)']);
  });

  it('writes to whoever walked away, once both of its sources have been seen up to then', async () => {
    walk.at(5, track({ userId: '4711' }, 'Loan Asked For', { loan_no: 'l1' }));
    walk.at(130);
    await walk.settle();
    expect(walk.watermarks.of('app')).toBeGreaterThan(at(125));
    expect(walk.watermarks.of('core')).toBeLessThanOrEqual(at(30));
    expect(walk.changes()).toEqual([]);

    const mailbox = await openMailbox();
    const sink = await startMailing(walk, mailbox);
    try {
      core('HEARTBEAT', 'h1', 130);
      await walk.settle();
      expect(walk.changes()).toEqual(['entered walked-away at 125 (timer)']);
      await received(mailbox, 1);
      expect(mailbox.list()[0]).toMatchObject({ to: ['eva@client.example'], subject: 'Your loan, Dear Eva' });
    } finally {
      await sink.stop();
      await mailbox.stop();
    }
  });

  it('leaves whoever signed in peace, though the contract comes by another way than the wish', async () => {
    walk.at(5, track({ userId: '4711' }, 'Loan Asked For', { loan_no: 'l1' }));
    walk.at(130);
    core('CONTRACT', 'c1', 100, { loan: 'l1' });
    await walk.settle();
    walk.at(150);
    core('HEARTBEAT', 'h2', 150);
    await walk.settle();
    expect([...walk.changes(), ...walk.read(topics.activationsRequested)]).toEqual([]);
  });

  it('takes no events that a source has not declared', async () => {
    walk.at(5, track({ userId: '4711' }, 'Order Completed', { total: 1000 }));
    await walk.settle();
    expect(walk.read(topics.eventsRejected)[0]?.reason).toContain('Identify, Loan Asked For, Branch Searched');
  });
});
