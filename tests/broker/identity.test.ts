import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IdentifiedEvent, IdentityReview, Resemblance } from '../../schemas/generated/types.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/** A climbing hall with rules of its own about who is who, tried on a file first and asked about afterwards. */
const workspace = {
  'freshet.yaml': 'name: climbing-hall\nsecret: a secret of chalk\n',
  'identity.yaml': 'kinds:\n  email:\n    normalise: { ignore_tag: true }\nfuzzy: {}\n',
  'sources/hall.yaml': `
source: hall
description: Visits
owner: hall
endpoint: { write_keys: ['\${HALL_KEY}'] }
`,
};
const WRITE_KEY = 'key of the hall';
const email = (tag: string): { traits: { email: string } } => ({ traits: { email: `eva${tag}@climbers.example` } });
const calls = [
  { type: 'identify', messageId: 'm-1', userId: 'eva', ...email('+hall') },
  { type: 'identify', messageId: 'm-2', anonymousId: 'phone-of-eva', ...email('') },
  { type: 'identify', messageId: 'm-3', userId: 'otto', ...email('') },
];

const topics = ['events.identified', 'identity.resembles', 'identity.review'] as const;

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
beforeAll(async () => {
  deployment = await Deployment.create(workspace, { HALL_KEY: WRITE_KEY });
  kafka = new PlainKafka();
  freshet = await deployment.run(['gateway', 'tag-freshness', 'stitch-identity', 'find-lookalikes', 'watch-sources', 'console']);
  heard = await kafka.listen(...topics.map((topic) => deployment.prefix + topic));
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const identity = (...args: readonly string[]) => deployment.command(['identity', ...args]);

describe('who is who', () => {
  it('can be tried on a file before it is true, also against other rules', async () => {
    const file = join(deployment.workspace, 'calls.ndjson');
    const other = join(deployment.workspace, 'other.yaml');
    await writeFile(file, calls.map((call) => JSON.stringify(call)).join('\n'));
    await writeFile(other, 'max_neighbours: 100\n');
    const tried = await identity('simulate', file, '--rules', other);
    expect([tried.code, tried.stderr]).toEqual([0, '']);
    expect(tried.stdout).toContain('3 events, 2 customers, 1 merges, 1 links refused');
    expect(tried.stdout).toContain('with the other rules: 2 customers instead of 2; 1 merged of several, 1 split');
    await writeFile(other, 'kinds:\n  email: { limits: 2 }\n');
    const wrong = await identity('simulate', file, '--rules', other);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('other.yaml:2:12 kinds.email.limits: unknown field')]);
  });

  it('has its reasons, which can be asked for', async () => {
    for (const { type, ...call } of calls) expect((await post(freshet.gateway, WRITE_KEY, type, call)).status).toBe(200);
    await heard.until<IdentifiedEvent>(`${deployment.prefix}events.identified`, (all) =>
      calls.every(({ messageId }) => all.some(({ event }) => event?.messageId === messageId)),
    );
    const one = await identity('explain', 'user_id:eva', 'anonymous_id:phone-of-eva');
    expect([one.code, one.stderr]).toEqual([0, '']);
    const [verdict, first, second] = one.stdout.split('\n');
    expect(verdict).toBe('user_id:eva and anonymous_id:phone-of-eva are one customer');
    expect(first).toMatch(/ user_id:eva - email:eva@climbers\.example {2}\(Identify from hall, m-1\)$/);
    expect(second).toMatch(/ email:eva@climbers\.example - anonymous_id:phone-of-eva {2}\(Identify from hall, m-2\)$/);
    const two = await identity('explain', 'user_id:eva', 'user_id:otto');
    expect(two.stdout).toContain('refused, one customer would have too many identifiers of the kind user_id');
    const unknown = await identity('explain', 'user_id:eva', 'nobody');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('nobody: expected kind:value')]);
  });

  it('is a matter of likelihood where nothing is shared: certain ones are linked weakly, others wait for somebody', async () => {
    const said = {
      tablet: {
        firstName: 'Masha',
        lastName: 'Kelley',
        birthday: '1990-08-20',
        address: { street: '12 Mill Lane', city: 'Norwich' },
      },
      laptop: { firstName: 'M', lastName: 'Kelly', birthday: '20 Aug 1990', address: { street: '12 Mill Ln', city: 'Norwich' } },
      watch: { lastName: 'Wood', phone: '5551234567' },
      bike: { lastName: 'Wood', phone: '1-555-123-4567' },
    };
    for (const [anonymousId, traits] of Object.entries(said))
      expect((await post(freshet.gateway, WRITE_KEY, 'identify', { messageId: anonymousId, anonymousId, traits })).status).toBe(
        200,
      );
    const [events, resembling, reviews] = topics.map((topic) => deployment.prefix + topic) as [string, string, string];
    const linked = await heard.until<Resemblance | null>(resembling, (all) => all.length >= 2);
    const [one, two] = linked;
    expect([one?.others[0]?.customer, two?.others[0]?.customer]).toEqual([two?.customer, one?.customer]);
    expect(one?.others[0]?.confidence).toBeGreaterThan(0.95);
    expect(new Set(heard.values<IdentifiedEvent>(events).map(({ customer }) => customer))).toContain(one?.customer);
    await heard.until<IdentityReview | null>(reviews, (all) => all.length > 0);

    const list = await identity('review', 'list');
    expect([list.code, list.stderr]).toEqual([0, '']);
    expect(list.stdout).toMatch(/it is likely only\n {4}chance .*phone exact \+\d.*\n1 to review\n$/);
    // The first that was told may have been of a pair that others have parted since.
    const review = heard.values<IdentityReview | null>(reviews).findLast((each) => each && list.stdout.startsWith(each.id));
    const accepted = await identity('review', 'accept', review?.id ?? '');
    expect([accepted.stderr, accepted.stdout]).toEqual(['', `${review?.customer}.${review?.other} same\n`]);
    await heard.until<Resemblance | null>(resembling, (all) =>
      all.some((each) => each?.others.some(({ confidence }) => confidence === 1)),
    );
    const unknown = await identity('review', 'reject', 'nobody');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('nobody: expected an id')]);
    expect((await identity('review', 'list')).stdout).toBe('0 to review\n');

    const api = `${freshet.console}/api/identity/review`;
    const judge = async (ids: readonly string[], verdict: string): Promise<unknown> => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(api, { method: 'POST', headers, body: JSON.stringify({ ids, verdict }) })).json();
    };
    const { length } = heard.values<IdentityReview | null>(reviews);
    const pair = { customer: review?.customer, other: review?.other };
    expect(await judge([`${review?.customer}.${review?.other}`], 'reopen')).toMatchObject({
      judged: [{ ...pair, verdict: 'open' }],
    });
    await heard.until<IdentityReview | null>(reviews, (all) => all.length > length && all.at(-1) !== null);
    expect(await (await fetch(api)).json()).toMatchObject({ total: 1, reviews: [{ id: review?.id, ...pair }] });
    expect(await judge([review?.id ?? ''], 'reject')).toMatchObject({ judged: [{ ...pair, verdict: 'different' }] });
    await heard.until<IdentityReview | null>(reviews, (all) => all.length > length + 1 && all.at(-1) === null);
    expect(await (await fetch(api)).json()).toEqual({ total: 0, reviews: [] });
  });
});
