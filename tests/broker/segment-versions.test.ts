import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { topics } from '../../schemas/topics.ts';
import { readCommitted, type Committed } from '../support/committed.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/**
 * Files of segments are edited, added and deleted while visitors come, and the process that decides is killed while it reads the log
 * again: in the end the members are those of the new rules over all that ever happened, and everybody was told of it once.
 */
const KEY = 'key of the turnstile';
const VISITORS = 30;
const segment = (name: string, when: string, more = ''): string => `segment: ${name}\n${more}when: ${when}\n`;
const passed = (rest: string): string => `{ count: { of: Gate Passed, ${rest} } }`;
const workspace = {
  'freshet.yaml': 'name: museum\nsecret: a secret of the museum\n',
  'sources/turnstile.yaml': `
source: turnstile
description: Visitors who come and look
owner: museum
endpoint: { write_keys: ['\${MUSEUM_KEY}'] }
lateness: 100ms
`,
  'segments/faithful.yaml': segment('faithful', passed('at_least: 2')),
  'segments/guests.yaml': segment('guests', passed('at_least: 1')),
  'segments/regulars.yaml': segment('regulars', passed('at_least: 3'), 'mode: shadow\n'),
};

let deployment: Deployment;
let gate: RunningFreshet;
let committed: Committed;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { MUSEUM_KEY: KEY });
  gate = await deployment.run(['tag-freshness', 'stitch-identity', 'watch-sources', 'gateway'], 'gate');
  committed = await readCommitted(deployment.prefix);
});
afterAll(async () => {
  await committed.close();
  await deployment.close();
  await new PlainKafka().deleteTopics(deployment.prefix);
});

/** How often each visitor passes. */
const times = (visitor: number): number => 1 + (visitor % 4);

async function pass(visitor: number): Promise<void> {
  const body = { userId: `visitor-${visitor}`, event: 'Gate Passed', messageId: randomUUID() };
  expect((await post(gate.gateway, KEY, 'track', body)).status).toBe(200);
}

/** Members of each segment, folded; each customer's changes are numbered without gaps, and tell something new. */
function sizes(changes: readonly MembershipChange[]): Readonly<Record<string, number>> {
  const members = new Map<string, Set<string>>();
  const sequences = new Map<string, number>();
  for (const { customer, segment: name, change, sequence } of changes) {
    expect([customer, sequence]).toEqual([customer, (sequences.get(customer) ?? 0) + 1]);
    sequences.set(customer, sequence);
    const of = members.get(name) ?? new Set<string>();
    expect([name, change, of.has(customer)]).toEqual([name, change, change === 'left']);
    if (change === 'entered') of.add(customer);
    else of.delete(customer);
    members.set(name, of);
  }
  return Object.fromEntries([...members].map(([name, of]) => [name, of.size]));
}

const changesThat = (want: Readonly<Record<string, number>>): Promise<readonly MembershipChange[]> =>
  eventually(
    () => committed.values(topics.segmentsMembership),
    (changes) => expect(sizes(changes)).toEqual(want),
    { patienceMs: 60_000 },
  );

describe('segments that are edited, added and deleted', () => {
  it('have the members of the new rules over all that happened, though the process is killed while it prepares them', async () => {
    const everybody = Array.from({ length: VISITORS }, (_, visitor) => visitor);
    const atLeast = (count: number): number => everybody.filter((visitor) => times(visitor) >= count).length;
    const before = await deployment.run(['customers'], 'house');
    for (const visitor of everybody) for (let time = 0; time < times(visitor); time++) await pass(visitor);
    await changesThat({ guests: VISITORS, faithful: atLeast(2) });
    const first = await deployment.command(['segments']);
    expect(first.stdout).toMatch(/^rules 1, since .*: in force\n/);

    await before.kill();
    await writeFile(join(deployment.workspace, 'segments/faithful.yaml'), segment('faithful', passed('at_least: 4')));
    await writeFile(join(deployment.workspace, 'segments/regulars.yaml'), segment('regulars', passed('at_least: 3')));
    await writeFile(join(deployment.workspace, 'segments/once.yaml'), segment('once', passed('exactly: 1')));
    await rm(join(deployment.workspace, 'segments/guests.yaml'));
    const killed = deployment.begin(['customers'], 'house');
    await eventually(
      async () => killed.said.join('\n'),
      (said) => expect(said).toContain('new rules are prepared'),
    );
    await pass(VISITORS);
    await killed.kill();
    await deployment.run(['customers'], 'house');

    const changes = await changesThat({
      guests: 0,
      faithful: atLeast(4),
      regulars: atLeast(3),
      once: atLeast(1) - atLeast(2) + 1,
    });
    const turned = changes.filter(({ cause }) => cause.kind === 'rule-change' || cause.kind === 'seed');
    expect(new Set(turned.map(({ segment: name, change, cause }) => `${name} ${change} ${cause.kind}`))).toEqual(
      new Set(['guests left rule-change', 'faithful left rule-change', 'regulars entered seed', 'once entered seed']),
    );
    const status = await eventually(
      () => deployment.command(['segments', '--json']),
      ({ stdout }) => expect(JSON.parse(stdout)).toMatchObject({ generation: 2, turned: 4, shares: [1, 1, 1, 1] }),
    );
    expect(status.code).toBe(0);
  });
});
