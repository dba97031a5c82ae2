/**
 * 14. The rules of identity.
 *
 * Who is who is a matter of rules, and a business has its own: `identity.yaml` says how identifiers are read (spaces and the case
 * of addresses never count), which values name nobody, which kind outranks which, how many of a kind one customer may have,
 * also within a time, and what changes hands. Without the file the defaults hold. Identifiers are linked by whatever names two of
 * them: a log-in, an alias, a previous id, external ids. `fraud.yaml` says what a log-in is called.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { identify, track, type Walk, walks } from '../support/walk.ts';

const library = {
  'freshet.yaml': 'name: library\nsecret: not a secret at all\n',
  'identity.yaml': `kinds:
  email:
    limit: { count: 2, within: 1h }
    normalise: { ignore_tag: true }
    blocked: [desk@library.example]
    blocked_patterns: ['.*@kiosk\\..*']
  phone: { normalise: { country: GB } }
  card: { priority: 90, limit: 1 }
`,
  'fraud.yaml': 'login_types: []\nlogin_events: [Card Shown]\naddress_events: [House Moved]\n',
  'sources/site.yaml': `source: site
description: What readers do
owner: us
endpoint: { write_keys: ['sha256:${createHash('sha256').update('a key').digest('hex')}'] }
`,
};

let dir: string;
let walk: Walk;
const openWalk = walks();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'library-'));
  await mkdir(join(dir, 'sources'));
  for (const [file, text] of Object.entries(library)) await writeFile(join(dir, file), text);
});
afterAll(() => rm(dir, { recursive: true }));
beforeEach(async () => {
  walk = await openWalk({ dir });
});

const refusals = (): string[] =>
  walk.read(topics.identityChanges).flatMap(({ kind, reason }) => (kind === 'refused' ? [reason] : []));

describe('identifiers', () => {
  it('are compared in one form, whatever way they are written', async () => {
    walk.at(0, identify({ userId: 'ada' }, { email: 'Ada+books@Library.Example', phone: '020 7946 0000' }));
    walk.at(
      1,
      identify({ anonymousId: 'b1' }, { email: 'ada@library.example' }),
      identify({ anonymousId: 'b2' }, { phone: '+44 20 7946 0000' }),
    );
    await walk.settle();
    for (const browser of ['b1', 'b2']) expect(walk.customer('anonymous_id', browser)).toBe(walk.customer('user_id', 'ada'));
  });

  it('that name nobody link nobody', async () => {
    for (const email of ['desk@library.example', 'Desk+1@library.example', 'x@kiosk.example'])
      walk.at(0, ...['ada', 'ben'].map((userId) => track({ userId }, 'Lent', {}, { context: { traits: { email } } })));
    await walk.settle();
    expect(walk.read(topics.eventsTagged).map(({ identifiers }) => identifiers.map(({ kind }) => kind))).toEqual(
      Array.from({ length: 6 }, () => ['user_id']),
    );
    expect(walk.customer('user_id', 'ada')).not.toBe(walk.customer('user_id', 'ben'));
  });

  it('are as many of a kind as one customer may have within a time, and what is too much is told', async () => {
    const address = (at: number, name: string): void =>
      walk.at(at, identify({ userId: 'ada' }, { email: `${name}@library.example` }));
    address(0, 'a');
    address(10, 'b');
    address(20, 'c');
    address(90, 'd');
    await walk.settle();
    const ada = walk.customer('user_id', 'ada');
    const owners = ['a', 'b', 'd'].map((name) => {
      walk.at(91, identify({ anonymousId: `browser of ${name}` }, { email: `${name}@library.example` }));
      return name;
    });
    walk.at(91, identify({ anonymousId: 'browser of c' }, { email: 'c@library.example' }));
    await walk.settle();
    for (const name of owners) expect([name, walk.customer('anonymous_id', `browser of ${name}`)]).toEqual([name, ada]);
    expect(walk.customer('anonymous_id', 'browser of c')).not.toBe(ada);
    expect(refusals()).toEqual(['one customer would have too many identifiers of the kind email']);
  });
});

describe('what links identifiers', () => {
  const card = (id: string) => ({
    context: { externalIds: [{ id, type: 'card', collection: 'users', encoding: 'none' }] },
  });

  it('is an alias, a previous id at a log-in, and an external id', async () => {
    walk.at(0, track({ anonymousId: 'b1' }, 'Lent'), track({ anonymousId: 'b2' }, 'Lent'));
    walk.at(1, { type: 'alias', userId: 'ada', previousId: 'b1' }, identify({ userId: 'ada' }, {}, { previousId: 'b2' }));
    walk.at(2, track({ userId: 'ada' }, 'Lent', {}, card('c-7')), track({ anonymousId: 'b3' }, 'Lent', {}, card('c-7')));
    await walk.settle();
    const ada = walk.customer('user_id', 'ada');
    for (const browser of ['b1', 'b2', 'b3']) expect([browser, walk.customer('anonymous_id', browser)]).toEqual([browser, ada]);
  });

  it('never makes one customer of two cards, of which there is one each', async () => {
    walk.at(0, track({ userId: 'ada' }, 'Lent', {}, card('c-7')));
    await walk.settle();
    walk.at(1, track({ userId: 'ada' }, 'Lent', {}, card('c-8')));
    await walk.settle();
    expect(refusals()).toEqual(['one customer would have too many identifiers of the kind card']);
  });
});

describe('the rules of fraud', () => {
  it('say what a log-in and a change of address are called', async () => {
    walk.at(0, track({ userId: 'ada', anonymousId: 'b1' }, 'Card Shown'));
    walk.at(60, track({ userId: 'ada', anonymousId: 'b2' }, 'Card Shown'));
    walk.at(62, track({ userId: 'ada', anonymousId: 'b2' }, 'House Moved'));
    await walk.settle();
    expect(walk.read(topics.fraudAlerts)).toHaveLength(1);
  });
});
