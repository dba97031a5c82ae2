/**
 * 21. What is in the basket now.
 *
 * A site that asks right after a click wants to know what that click made of the customer, not what will be published once its time
 * has passed. It names the event: the answer counts it in, or says that it has not been seen in time. Who names none gets the
 * membership as it was published last. Either way the answer says which it is, how old, and on what it rests.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decideView } from '../../cli/decide-view.ts';
import { noTables } from '../../runtime/tables/global-tables.ts';
import { prefixedNames } from '../../runtime/environment.ts';
import type { Question } from '../../services/decide/index.ts';
import { at, identify, track, type Walk, walks } from '../support/walk.ts';

const house = {
  'freshet.yaml': 'name: baskets\nsecret: not a secret at all\n',
  'sources/web.yaml': `source: web
description: Baskets
owner: web
endpoint: { write_keys: ['sha256:${'0'.repeat(64)}'] }
lateness: 5s
events: [Identify, Thing Added, Order Made]
`,
  'segments/left.yaml':
    'segment: left\nwhen: { absence: { of: Order Made, after: Thing Added, within: 30m, same: cart, for: 1d } }\n',
  'segments/buyers.yaml': 'segment: buyers\nwhen: { count: { of: Order Made, within: 1d, at_least: 1 } }\n',
  'activations/left.yaml': mail('left'),
  'activations/buyers.yaml': mail('buyers'),
  'templates/any.mjml': '---\nsubject: s\n---\n<mjml><mj-body></mj-body></mjml>\n',
};
function mail(segment: string): string {
  return `activation: ${segment}-mail
on: { segment: ${segment} }
channel: email
address: email
template: any
valid_for: 1h
`;
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'freshet-baskets-'));
  for (const [name, text] of Object.entries(house)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
});
afterAll(() => rm(dir, { recursive: true }));
const openWalk = walks();
const ann = { userId: 'ann' };

function asking(walk: Walk, here: readonly string[] = ['stitch-identity', 'customers']) {
  const { driver, workspace, sources } = walk;
  const kafka = driver.broker.client();
  const workers = here.map((name) => ({
    processor: { name },
    task: (partition: number) => driver.tasks.find(({ id }) => id.processor === name && id.partition === partition),
  }));
  const reader = kafka.reader();
  const names = prefixedNames('');
  let real = 0;
  const progress = { tick: driver.clock.now() };
  const local = { workers, kafka, reader, names, tables: noTables, partitions: driver.partitions, progress };
  // Waiting takes its own time, whatever the time of the walk.
  const view = decideView(local, workspace, sources, () => driver.clock.now() + (real += 5));
  const question = { customer: undefined, activation: undefined, after: undefined, timeoutMs: 200 };
  const identifier = { kind: 'user_id', value: 'ann' };
  return (more: Partial<Question>) => view.decide({ ...question, identifier, segments: ['left'], ...more });
}

async function cartLeft(): Promise<Walk> {
  const walk = await openWalk({ dir });
  walk.at(0, identify(ann, { email: 'ann@shop.example' }));
  walk.at(1, track(ann, 'Thing Added', { cart: 'c1' }, { messageId: 'added' }));
  await walk.settle();
  walk.at(32);
  await walk.settle();
  expect(walk.changes()).toContain('entered left at 31 (timer)');
  return walk;
}

describe('a decision', () => {
  it('after an event counts it in, although the time of its source has not passed', async () => {
    const walk = await cartLeft();
    walk.at(33, track(ann, 'Order Made', { cart: 'c1' }, { messageId: 'ordered' }));
    await walk.driver.settle();
    expect(await asking(walk)({ after: 'ordered' })).toMatchObject({
      customer: walk.customer('user_id', 'ann'),
      from: 'session',
      event: 'seen',
      segments: [{ segment: 'left', member: false, asOf: at(33) }],
    });
  });

  it('without one is the membership as it was published, with its age and its proof', async () => {
    const walk = await cartLeft();
    const answer = await asking(walk)({});
    expect(answer).toMatchObject({ from: 'membership', event: null, segments: [{ member: true }] });
    expect(answer?.segments[0]?.proof.sources.map(({ source }) => source)).toContain('web');
    expect(answer?.segments[0]?.ageMs).toBeGreaterThan(0);
  });

  it('about an event that does not come in time says so', async () => {
    const walk = await cartLeft();
    expect(await asking(walk)({ after: 'never' })).toMatchObject({ from: 'membership', event: 'not seen' });
  });

  it('about a message says whether it would go, or why not', async () => {
    const walk = await cartLeft();
    const ask = asking(walk);
    const goes = await ask({ segments: [], activation: 'left-mail' });
    expect(goes?.activation).toMatchObject({ goes: true, reason: '' });
    const not = await ask({ segments: [], activation: 'buyers-mail' });
    expect(not?.activation).toMatchObject({ goes: false, reason: 'the customer is not in buyers' });
  });

  it('about nobody is none, and where the customer is not names the task to ask', async () => {
    const walk = await cartLeft();
    expect(await asking(walk)({ identifier: { kind: 'user_id', value: 'nobody' } })).toBeUndefined();
    await expect(asking(walk, ['stitch-identity'])({})).rejects.toThrow(
      /Ask the process that runs customers-(\d): .* the group customers that has partition \1/,
    );
  });
});
