import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IdentifiedEvent, MembershipChange } from '../../schemas/generated/types.ts';
import { Deployment, type Ended, everything, type RunningFreshet } from '../support/deployment.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/** A print shop whose till and web site both send what cannot be used, and an operator who puts it right from the command line. */
const workspace = {
  'freshet.yaml': 'name: print-shop\nsecret: a secret of ink\n',
  'sources/web.yaml': `
source: web
description: Orders of the web site
owner: web
endpoint: { write_keys: ['\${PRINT_KEY}'] }
`,
  'sources/till.yaml': `
source: till
description: Receipts of the counter
owner: counter
topic: {}
liveness: drained
transform:
  - event: Prints Sold
    occurred_at: record.at
    identifiers: { user_id: record.member }
    properties: { sheets: record.sheets }
`,
  'segments/regulars.yaml': `
segment: regulars
when: { count: { of: Prints Sold, within: 30d, at_least: 2 } }
`,
};

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
const topic = (name: string): string => deployment.prefix + name;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { PRINT_KEY: 'key of the print shop' });
  kafka = new PlainKafka();
  freshet = await deployment.run(everything.filter((name) => name !== 'email'));
  heard = await kafka.listen(...['segments.membership', 'events.identified', 'events.rejected'].map(topic));
});
afterAll(async () => {
  await kafka.close();
  await deployment.close();
  await kafka.deleteTopics(deployment.prefix);
});

const rejected = (...args: readonly string[]): Promise<Ended> => deployment.command(['rejected', ...args]);
const lines = ({ stdout }: Ended): readonly Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('what was rejected', () => {
  it('is found, looked at, repaired and replayed from the command line, once for ever', async () => {
    const hour = 3_600_000;
    const at = Date.now() - hour;
    const receipt = (minutes: number, more: object) =>
      JSON.stringify({ at: new Date(at + minutes * 60_000).toISOString(), member: 'ines', sheets: 40, ...more });
    const producer = await kafka.producer();
    await producer.send({
      topic: topic('raw.till'),
      messages: [
        { key: 'till-1', value: receipt(0, { at: 'half past nine' }) },
        { key: 'till-1', value: Buffer.from([0xff, 0x00, 0x17]) },
      ],
    });
    const answer = await post(freshet.gateway, 'key of the print shop', 'track', { userId: 'ines', properties: { sheets: 2 } });
    expect(answer.status).toBe(400);
    await heard.until(topic('events.rejected'), (all) => all.length >= 3);

    const list = await rejected('list');
    expect([list.code, list.stdout]).toEqual([0, expect.stringContaining('3 open, 0 replayed')]);
    expect(list.stdout).toMatch(/raw\.till\/\d\/\d+ +open +occurred_at: expected a time/);
    expect(list.stdout).not.toContain('ines');
    const all = lines(await rejected('list', '--json'));
    const idOf = (reason: RegExp): string => String(all.find((row) => reason.test(String(row['reason'])))?.['id']);
    const [late, bytes, web] = [idOf(/occurred_at/), idOf(/UTF-8/), idOf(/^event /)];
    expect(lines(await rejected('list', '--json', '--source', 'till', '--step', 'decode')).map(({ id }) => id)).toEqual([bytes]);
    expect((await rejected('show', late)).stdout).toContain('"member": "ines"');
    expect((await rejected('show', bytes)).stdout).toContain('value (hex)\nff0017');

    // Nothing is sent that would be refused again.
    const hopeless = await rejected('replay', '--all');
    expect([hopeless.code, hopeless.stderr]).toEqual([1, expect.stringContaining('0 replayed, 0 already replayed, 3 stay')]);

    const time = new Date(at).toISOString();
    const dry = await rejected('replay', late, '--set', `at=${time}`, '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining(`${late} would go to raw.till as `)]);
    expect((await rejected('replay', late, '--set', `at=${time}`)).code).toBe(0);
    expect((await rejected('replay', web, '--set', 'event=Prints Sold')).code).toBe(0);
    const file = join(deployment.workspace, 'repaired.ndjson');
    await writeFile(file, `${JSON.stringify({ id: bytes, value: JSON.parse(receipt(30, {})) as unknown })}\n`);
    expect((await rejected('replay', '--repair', file)).code).toBe(0);

    // A second time, with whatever repair, nothing happens.
    const again = await rejected('replay', '--set', 'member=otto', late, bytes, web);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('0 replayed, 3 already replayed, 0 stay')]);
    expect((await rejected('list')).stdout).toContain('0 open, 3 replayed');

    const changes = await heard.until<MembershipChange>(topic('segments.membership'), (changes) => changes.length >= 1);
    // What comes last is behind all that was replayed.
    await post(freshet.gateway, 'key of the print shop', 'track', { userId: 'ines', event: 'Looked In', messageId: 'last' });
    const events = await heard.until<IdentifiedEvent>(topic('events.identified'), (all) =>
      all.some(({ event }) => event?.messageId === 'last'),
    );
    const sold = events.filter(({ event }) => event?.event === 'Prints Sold').map(({ event }) => event);
    expect(
      sold
        .map((event) => (event?.occurredAt ?? 0) - at)
        .filter((ms) => ms <= hour / 2)
        .toSorted((a, b) => a - b),
    ).toEqual([0, hour / 2]);
    expect(sold).toHaveLength(3);
    expect(new Set(sold.map((event) => event?.messageId)).size).toBe(3);
    expect(changes.map(({ segment, change }) => [segment, change])).toEqual([['regulars', 'entered']]);
  });
});
