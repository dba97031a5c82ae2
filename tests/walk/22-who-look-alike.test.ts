/**
 * 22. Who look alike.
 *
 * M. Kelley and Masha Kelley share no identifier, so they are two customers, and stay two: likeness is not transitive, and what a
 * state has taken in cannot be taken out again. But with a part `fuzzy` in `identity.yaml`, `find-lookalikes` reads beside the others
 * what customers say of themselves, and tells who is probably the same person, with the confidence, on `identity.resembles`. A
 * consumer chooses what it accepts. Segments and messages take strong links alone. The rules of fraud may accept weak ones: three guests
 * that look alike, one of whom logs in, are an alert where `fraud.yaml` asks for it.
 *
 * What is only likely waits for somebody to look at it, and what that one says holds, also when one of the two has merged into another.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { judgePairs, openReviews } from '../../cli/review-queue.ts';
import { topics } from '../../schemas/topics.ts';
import { identify, type Walk, walks } from '../support/walk.ts';

const library = {
  'freshet.yaml': 'name: library\nsecret: not a secret at all\n',
  'identity.yaml': 'fuzzy: {}\n',
  'fraud.yaml': 'alike_accounts: { confidence: 0.95, accounts: 3 }\n',
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

const masha = {
  first_name: 'Masha',
  last_name: 'Kelley',
  birthday: '1990-08-20',
  address: { street: '12 Mill Lane', city: 'Norwich' },
};
const guest = (name: string, traits: object = masha): ReturnType<typeof identify> =>
  identify({ anonymousId: `browser of ${name}` }, { email: `${name}@reader.example`, ...traits });
const idOf = (name: string): string => walk.customer('email', `${name}@reader.example`);
const resembled = (): Map<string, readonly string[]> =>
  new Map(
    walk.driver
      .read(topics.identityResembles)
      .map(({ key, value }) => [key, (value?.others ?? []).map(({ customer }) => customer)] as const),
  );

describe('customers who look alike', () => {
  it('are told with a confidence and merge nothing; the rules of fraud may take them for one', async () => {
    walk.at(0, guest('masha'), guest('m.kelley', { ...masha, first_name: 'M' }));
    await walk.settle();
    const [one, two] = [idOf('masha'), idOf('m.kelley')];
    expect(one).not.toBe(two);
    expect(resembled().get(one)).toEqual([two]);
    expect(walk.read(topics.fraudAlerts)).toEqual([]);

    walk.at(1, guest('kelley', { ...masha, last_name: 'Kelly' }));
    await walk.settle();
    const third = idOf('kelley');
    expect(resembled().get(third)).toEqual([one, two].sort());
    const alerts = walk.read(topics.fraudAlerts);
    expect(alerts.map(({ rule, customer }) => `${rule} ${customer}`).sort()).toEqual(
      [one, two, third].map((customer) => `accounts-alike ${customer}`).sort(),
    );
    expect(JSON.stringify(alerts)).not.toMatch(/Masha|Kelley|Mill/);
    expect(walk.read(topics.identityChanges).filter(({ kind }) => kind === 'merged')).toEqual([]);
  });

  it('are what somebody says when it is only likely, also after one of them has merged into another', async () => {
    const phone = { last_name: 'Kelley', phone: '+44 20 7946 0000' };
    walk.at(
      0,
      guest('a', { ...phone, phone: undefined, address: masha.address }),
      guest('b', { last_name: 'Kelley', address: masha.address }),
    );
    await walk.settle();
    const kafka = walk.driver.broker.client();
    const queue = {
      kafka,
      serdes: walk.serdes,
      topicName: ({ name }: { readonly name: string }) => name,
      producer: kafka.producer(),
    };
    const [review, ...more] = (await openReviews(queue)).values();
    expect([review?.reason, more]).toEqual(['it is likely only', []]);
    const { customer = '', other = '' } = review ?? {};
    await judgePairs(queue, { ids: [review?.id ?? ''], verdict: 'same', judgedAt: 1 });
    await walk.settle();
    expect((await openReviews(queue)).size).toBe(0);
    await expect(judgePairs(queue, { ids: ['nobody'], verdict: 'same', judgedAt: 2 })).rejects.toThrow('expected an id');
    expect(resembled()).toEqual(
      new Map([
        [customer, [other]],
        [other, [customer]],
      ]),
    );
    const before = idOf('b');
    walk.at(2, identify({ userId: 'kelley', anonymousId: 'browser of b' }));
    await walk.settle();
    expect(idOf('b')).not.toBe(before);
    expect(resembled().get(idOf('a'))).toEqual([idOf('b')]);
    expect(walk.read(topics.eventsRejected)).toEqual([]);
  });
});
