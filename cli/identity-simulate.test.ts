import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileIdentity, defaultIdentity } from '../processors/stitch-identity/identity.ts';
import type { TaggedEvent } from '../schemas/generated/types.ts';
import { compileSource } from '../schemas/source-schema.ts';
import { recordsOfFiles, sourceOfFiles } from './identity-events.ts';
import { differenceLines, simulationJson, simulationLines } from './identity-report.ts';
import { commandEvent, readPair } from './identity-split.ts';
import { difference, simulateIdentity, type Simulation } from './identity-simulate.ts';

const site = compileSource(
  { source: 'site', description: 'Site', owner: 'us', endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] } },
  {},
);
const call = (minute: number, more: object): string =>
  JSON.stringify({
    type: 'identify',
    messageId: `m${minute}`,
    timestamp: new Date(Date.UTC(2030, 0, 1, 10, minute)).toISOString(),
    ...more,
  });
const lines = [
  call(0, { anonymousId: 'b1' }),
  call(1, { userId: 'ada', anonymousId: 'b1', traits: { email: 'ada+a@shop.example' } }),
  call(2, { anonymousId: 'b2', traits: { email: 'ada+b@shop.example' } }),
  call(3, { userId: 'ben', traits: { email: 'ada+a@shop.example' } }),
  call(4, { userId: 'null', anonymousId: 'b3' }),
  call(5, { userId: 'null' }),
  'no JSON at all',
];

let dir: string;
const damages: string[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'simulate-'));
  await writeFile(join(dir, 'calls.ndjson'), lines.join('\n'));
});
afterAll(() => rm(dir, { recursive: true }));

const run = (rules = defaultIdentity, commands: readonly TaggedEvent[] = []): Promise<Simulation> =>
  simulateIdentity({
    commands,
    records: recordsOfFiles([join(dir, 'calls.ndjson')], site, (where, reason) => damages.push(`${where} ${reason}`)),
    source: site,
    secret: 'a secret',
    rules,
    now: Date.UTC(2030, 0, 2),
  });

describe('a simulation of identity', () => {
  it('finds the customers of a file, what was refused and why, and what could not be used', async () => {
    const found = await run();
    expect([...found.customers.values()]).toEqual([
      { identifiers: ['anonymous_id:b1', 'email:ada+a@shop.example', 'user_id:ada'], events: 2 },
      { identifiers: ['anonymous_id:b2', 'email:ada+b@shop.example'], events: 1 },
      { identifiers: ['user_id:ben'], events: 1 },
      { identifiers: ['anonymous_id:b3'], events: 1 },
    ]);
    expect(found).toMatchObject({ events: 5, merges: 1 });
    expect(found.refused).toEqual([
      {
        reason: 'one customer would have too many identifiers of the kind user_id',
        identifiers: ['user_id:ben', 'email:ada+a@shop.example'],
        occurredAt: Date.UTC(2030, 0, 1, 10, 3),
      },
    ]);
    expect([...found.rejected.keys()]).toEqual([expect.stringContaining('userId, anonymousId: expected an identifier')]);
    expect(found.components[0]).toMatchObject({ size: 4, edges: 3 });
    expect(damages).toEqual([expect.stringMatching(/^calls\.ndjson:7 not JSON/)]);
    const text = simulationLines(found, 5).join('\n');
    expect(text).toContain('5 events, 4 customers, 1 merges, 1 links refused');
    expect(text).toContain('user_id:ben - email:ada+a@shop.example: one customer would have too many');
    expect(simulationJson(found)).toMatchObject({
      events: 5,
      customers: expect.arrayContaining([expect.objectContaining({ events: 2 })]),
    });
  });

  it('knows what operators say: whom they set apart are two, each with the events that are theirs', async () => {
    const between = ['user_id:ada', 'anonymous_id:b1'];
    const cut = commandEvent({}, readPair(defaultIdentity, between), { id: 'cut', at: Date.UTC(2030, 0, 2) });
    const found = await run(defaultIdentity, [cut]);
    expect(found).toMatchObject({ events: 5, merges: 1, divisions: 1 });
    const own = [...found.customers.values()].filter(({ identifiers }) => identifiers.some((name) => between.includes(name)));
    expect(own).toEqual([
      { identifiers: ['email:ada+a@shop.example', 'user_id:ada'], events: 1 },
      { identifiers: ['anonymous_id:b1'], events: 1 },
    ]);
    expect(simulationLines(found, 10)[0]).toMatch(/^5 events, 5 customers, 1 merges, 1 split, /);
  });

  it('says what other rules would make of it, whatever they call the identifiers', async () => {
    const [before, after] = [await run(), await run(compileIdentity({ kinds: { email: { normalise: { ignore_tag: true } } } }))];
    const { merged, split } = difference(before, after);
    expect([merged.map(({ others }) => others.length), split]).toEqual([[2], []]);
    const text = differenceLines(before, after, 5);
    expect(text[0]).toBe('with the other rules: 3 customers instead of 4; 1 merged of several, 0 split');
    expect(text[1]).toContain('user_id:ada  |  anonymous_id:b2, email:ada+b@shop.example');
    expect(differenceLines(after, before, 5)[0]).toContain('0 merged of several, 1 split');
    expect(difference(before, before)).toEqual({ merged: [], split: [] });
  });

  it('is of the source that is named, or of the one that takes calls', () => {
    expect(sourceOfFiles([site], undefined)).toBe(site);
    expect(() => sourceOfFiles([site], 'till')).toThrow('Expected --source, one of this workspace: site');
  });

  it('shows who look alike, why, and what the limits forbid, when the rules have a fuzzy step', async () => {
    const person = (n: number, id: object, traits: object): string => call(n, { ...id, traits });
    const masha = { lastName: 'Kelley', birthday: '1990-08-20', address: { street: '12 Mill Lane', postalCode: 'NR1 2AB' } };
    const people = [
      person(10, { anonymousId: 'b7' }, { ...masha, firstName: 'Masha', email: 'masha@shop.example' }),
      person(11, { userId: 'mk' }, { ...masha, firstName: 'M', email: 'm.kelley@shop.example' }),
      person(12, { userId: 'mk2' }, { ...masha, firstName: 'Masha' }),
      person(13, { userId: 'paul' }, { ...masha, firstName: 'Paul', birthday: '1987-01-02' }),
    ];
    const file = join(dir, 'people.ndjson');
    await writeFile(file, people.join('\n'));
    const found = await simulateIdentity({
      records: recordsOfFiles([file], site, () => undefined),
      source: site,
      secret: 'a secret',
      rules: compileIdentity({ fuzzy: {} }),
      now: Date.UTC(2030, 0, 2),
    });
    expect(found.customers.size).toBe(4);
    const text = simulationLines(found, 5).join('\n');
    expect(text).toContain('who look alike: 1 groups of customers linked, 0 pairs to review');
    expect(text).toMatch(/given initial \+3\.6, family exact \+9\.7, birth exact \+14\.1, street exact \+13\.9/);
    expect(text).toContain(': one customer would have too many identifiers of the kind user_id');
    expect(text).not.toMatch(/Masha|Kelley|Mill/);
    expect(simulationJson(found)).toHaveProperty('fuzzy.groups.0.length', 2);
    expect((await run()).fuzzy).toBeUndefined();
  });
});
