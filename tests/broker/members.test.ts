import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectConsumer } from '../../connectors/consumer/index.ts';
import { ApartMembers } from '../support/apart-members.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { PlainKafka, type PlainRecord } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/**
 * Who belongs to a segment, found out by a program that has only kafkajs and avsc: it reads the compacted topic, goes on from the
 * places that are named in it, and has exactly the members, though it comes late and changes go on meanwhile.
 */
const KEY = 'key of the turnstile';
const VISITORS = 40;
const STAY_MS = 2000;
const workspace = {
  'freshet.yaml': 'name: museum\nsecret: a secret of the museum\n',
  'sources/turnstile.yaml': `
source: turnstile
description: Visitors who come and look
owner: museum
endpoint: { write_keys: ['\${MUSEUM_KEY}'] }
lateness: 100ms
`,
  'segments/in-the-house.yaml': `
segment: in-the-house
when: { count: { of: Gate Passed, within: ${STAY_MS}ms, at_least: 1 } }
`,
  'segments/faithful.yaml': `
segment: faithful
publish: { topic: segments.faithful }
when: { count: { of: Gate Passed, at_least: 2 } }
`,
};

let deployment: Deployment;
let freshet: RunningFreshet;
const apart: ApartMembers[] = [];

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { MUSEUM_KEY: KEY });
  freshet = await deployment.run(['tag-freshness', 'stitch-identity', 'customers', 'watch-sources', 'gateway']);
});
afterAll(async () => {
  await Promise.all(apart.map((each) => each.close()));
  await deployment.close();
  const kafka = new PlainKafka();
  await kafka.deleteTopics(deployment.prefix);
});

function consumer(group: string): ApartMembers {
  const topic = (name: string): string => deployment.prefix + name;
  const made = new ApartMembers({
    brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
    registryUrl: process.env['SCHEMA_REGISTRY_URL'] ?? '',
    members: topic('segments.members'),
    changes: topic('segments.membership'),
    group: `${group}-${randomUUID()}`,
  });
  apart.push(made);
  return made;
}

async function passes(visitor: number): Promise<void> {
  const body = { userId: `visitor-${visitor}`, event: 'Gate Passed', messageId: randomUUID() };
  expect((await post(freshet.gateway, KEY, 'track', body)).status).toBe(200);
}

describe('a consumer that comes late, while changes go on', () => {
  it('has exactly the members, and sees each later change once and none left out', async () => {
    const all = consumer('from-the-first-change');
    await all.followFromBegin();
    for (let visitor = 0; visitor < VISITORS; visitor++) await passes(visitor);
    await all.until(() => all.known.size === VISITORS);

    const enough = new AbortController();
    const flow = (async () => {
      // Whoever passes has left the house by the time he comes again.
      for (let turn = 0; !enough.signal.aborted; turn++) {
        await passes((turn * 7) % VISITORS);
        await delay(STAY_MS / (VISITORS / 2));
      }
    })();
    const late = consumer('late');
    await late.start();
    await late.until(() => late.applied >= VISITORS);
    enough.abort();
    await flow;

    await all.until(() => all.members('in-the-house').length === 0);
    await late.until(() => isDeepStrictEqual(late.sequences(), all.sequences()));
    const reader = await connectConsumer({
      brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
      registry: { url: process.env['SCHEMA_REGISTRY_URL'] ?? '' },
      prefix: deployment.prefix,
    });
    const { members } = await reader.segment('faithful').members();
    await reader.close();
    expect([...members.keys()].sort()).toEqual(all.members('faithful'));
    expect(late.fromSnapshot).toBe(VISITORS);
    expect(late.members('in-the-house')).toEqual([]);
    expect(late.members('faithful')).toEqual(all.members('faithful'));
    expect(late.members('faithful').length).toBeGreaterThan(0);
    expect([...all.oddities, ...late.oddities]).toEqual([]);
  });

  it('may read the topic of one segment: the very records of the topic of all', async () => {
    const kafka = new PlainKafka();
    const [own, changes] = ['segments.faithful', 'segments.membership'].map((name) => deployment.prefix + name) as [
      string,
      string,
    ];
    const heard = await kafka.listen(own, changes);
    const faithful = (): readonly PlainRecord[] =>
      heard.records(changes).filter(({ headers }) => headers['segment'] === 'faithful');
    const all = apart[0]?.members('faithful').length ?? 0;
    await heard.until(own, (values) => values.length === all);
    await heard.until(changes, () => faithful().length === all);
    const rows = (records: readonly PlainRecord[]): unknown[] =>
      records.map(({ partition, key, headers, value }) => ({ partition, key, headers, value: JSON.stringify(value) }));
    const byPartition = (records: readonly PlainRecord[]): unknown[] =>
      rows(records.toSorted((one, other) => one.partition - other.partition || one.offset - other.offset));
    expect(byPartition(heard.records(own))).toEqual(byPartition(faithful()));
    await kafka.close();
  });
});
