import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IdentityChange, MembershipChange } from '../../schemas/generated/types.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { type Listener, PlainKafka } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/** A bakery where two people once used one tablet; the process that keeps the customers dies while they are set apart. */
const workspace = {
  'freshet.yaml': 'name: bakery\nsecret: a secret of flour\n',
  'segments/regulars.yaml': `
segment: regulars
description: Two loaves or more
when: { count: { of: Loaf Bought, at_least: 2 } }
`,
  'sources/till.yaml': `
source: till
description: Loaves
owner: bakery
endpoint: { write_keys: ['\${TILL_KEY}'] }
`,
};
const WRITE_KEY = 'key of the till';
const between = ['user_id:eva', 'anonymous_id:tablet'];
const loaf = { event: 'Loaf Bought' };
const calls = [
  { type: 'track', messageId: 'm-1', userId: 'eva', ...loaf },
  { type: 'track', messageId: 'm-2', anonymousId: 'tablet', ...loaf },
  { type: 'track', messageId: 'm-3', anonymousId: 'tablet', ...loaf },
  { type: 'identify', messageId: 'm-4', userId: 'eva', anonymousId: 'tablet' },
];
interface Answer {
  readonly id: string;
  readonly outcome: string;
  readonly divided: readonly {
    readonly customer: string;
    readonly partial: boolean;
    readonly heirs: readonly { readonly events: number }[];
  }[];
}

let deployment: Deployment;
let front: RunningFreshet;
let keepers: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
beforeAll(async () => {
  deployment = await Deployment.create(workspace, { TILL_KEY: WRITE_KEY });
  kafka = new PlainKafka();
  front = await deployment.run(['gateway', 'tag-freshness', 'stitch-identity', 'watch-sources', 'console']);
  keepers = await deployment.run(['customers', 'detect-fraud'], 'two');
  heard = await kafka.listen(`${deployment.prefix}identity.changes`, `${deployment.prefix}segments.membership`);
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const rows = (all: readonly MembershipChange[]): string[] => all.map(({ change, cause }) => `${change} ${cause.kind}`);

describe('a split while the process that keeps the customers dies', () => {
  it('is whole in the end: both have what is theirs, told once, and whoever asks is told why', async () => {
    for (const { type, ...call } of calls) expect((await post(front.gateway, WRITE_KEY, type, call)).status).toBe(200);
    const memberships = `${deployment.prefix}segments.membership`;
    const changes = `${deployment.prefix}identity.changes`;
    await heard.until<MembershipChange>(memberships, (all) => all.some(({ change }) => change === 'entered'));
    await heard.until<IdentityChange>(changes, (all) => all.some(({ kind }) => kind === 'merged'));

    const asked = fetch(`${front.console}/api/identity/split`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ between, author: 'otto', reason: 'the tablet of the shop' }),
    });
    await heard.until<IdentityChange>(changes, (all) => all.some(({ kind }) => kind === 'split'));
    await keepers.kill();
    keepers = await deployment.run(['customers', 'detect-fraud'], 'two');

    const { id } = (await (await asked).json()) as Answer;
    const found = await eventually(
      () => front.get<Answer>(`/api/identity/split/${id}`),
      ({ divided }) => expect(divided.flatMap(({ heirs }) => heirs.map(({ events }) => events))).toEqual([2, 2]),
      { patienceMs: 60_000, everyMs: 300 },
    );
    expect(found).toMatchObject({ outcome: 'split', divided: [{ partial: false }] });
    const ended = found.divided[0]?.customer ?? '';
    const all = await heard.until<MembershipChange>(memberships, (told) =>
      told.some(({ customer, cause }) => customer !== ended && cause.kind === 'split'),
    );
    expect(rows(all.filter(({ customer }) => customer === ended)).at(-1)).toBe('left split');
    expect(rows(all.filter(({ cause }) => cause.kind === 'split')).sort()).toEqual(['entered split', 'left split']);
    expect(new Set(all.map((row) => row.id)).size).toBe(all.length);

    const why = await deployment.command(['identity', 'explain', ...between]);
    expect([why.code, why.stderr]).toEqual([0, '']);
    expect(why.stdout).toContain('set apart by otto: the tablet of the shop');
    const again = await deployment.command(['identity', 'split', '--between', ...between, '--dry-run']);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('are two customers already')]);
    const back = await deployment.command(['identity', 'split', '--between', ...between, '--take-back', '--author', 'otto']);
    expect([back.code, back.stderr]).toEqual([0, '']);
    expect(back.stdout).toMatch(
      /^split-\S+: unsplit: an operator has taken the split back, so that what links them counts again/,
    );
  });
});
