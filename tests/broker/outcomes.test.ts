import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RejectedRecord } from '../../schemas/generated/types.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { PlainKafka, type Listener } from '../support/plain-kafka.ts';
import { post } from '../support/send.ts';

/** What bad input and wrong commands get: a clear answer each, and everything else goes on. The workspace is that of a choir. */
const KEY = 'key of the door';
const workspace = {
  'freshet.yaml': 'name: choir\nsecret: a secret of singers\n',
  'sources/rehearsals.yaml': `
source: rehearsals
description: Who comes to sing
owner: choir
endpoint: { write_keys: ['\${DOOR_KEY}'] }
`,
  'segments/regulars.yaml': `
segment: regulars
when: { count: { of: Sang, within: 30d, at_least: 1 } }
tests:
  - name: once is enough
    given: [{ t: 0d, event: Sang }]
    then: { at: 1d, member: true }
`,
  'activations/thanks.yaml': `
activation: thanks
on: { segment: regulars }
channel: email
address: email
template: thanks
valid_for: 1h
`,
  'templates/thanks.mjml': `---
subject: Thank you
---
<mjml><mj-body><mj-section><mj-column><mj-text>It was a pleasure.</mj-text></mj-column></mj-section></mj-body></mjml>
`,
};

let deployment: Deployment;
let freshet: RunningFreshet;
let kafka: PlainKafka;
let heard: Listener;
const others: Deployment[] = [];
const topic = (name: string): string => deployment.prefix + name;

beforeAll(async () => {
  deployment = await Deployment.create(workspace, { DOOR_KEY: KEY });
  kafka = new PlainKafka();
  freshet = await deployment.run(['gateway', 'tag-freshness', 'stitch-identity', 'customers']);
  heard = await kafka.listen(...['events.raw', 'events.rejected', 'segments.membership'].map(topic));
});
afterAll(async () => {
  await kafka.close();
  await Promise.all([deployment, ...others].map((each) => each.close()));
  await kafka.deleteTopics(deployment.prefix);
});

/** The same workspace with some files of it changed. */
async function changed(files: Readonly<Record<string, string>>): Promise<Deployment> {
  const other = await Deployment.create({ ...workspace, ...files }, { DOOR_KEY: KEY });
  others.push(other);
  return other;
}

const sang = (messageId: string, more: object = {}) => ({ userId: 'alto-1', event: 'Sang', messageId, ...more });

describe('the gateway', () => {
  it('refuses a write key that nobody has and a body over the limit, and writes nothing of them', async () => {
    const stranger = await post(freshet.gateway, 'no such key', 'track', sang('m-1'));
    expect(stranger).toMatchObject({ status: 401, body: { code: 'unknown_write_key' } });
    const tooLarge = await post(freshet.gateway, KEY, 'track', Buffer.alloc(4 * 1024 * 1024 + 1, 0x20));
    expect(tooLarge).toMatchObject({ status: 413, body: { code: 'body_too_large' } });

    expect((await post(freshet.gateway, KEY, 'track', sang('m-2'))).status).toBe(200);
    await heard.until(topic('segments.membership'), ({ length }) => length > 0);
    expect(heard.records(topic('events.raw')).map(({ headers }) => headers['message-id'])).toEqual(['m-2']);
  });

  it('takes the rest of a batch with a bad event, and keeps the bad one with the reason', async () => {
    const batch = [sang('m-3'), { ...sang('m-4'), type: 'track', event: 7 }].map((each) => ({ type: 'track', ...each }));
    const answer = await post(freshet.gateway, KEY, 'batch', { batch });
    expect(answer).toMatchObject({ status: 200, body: { rejectedCount: 1, rejected: [{ index: 1, field: 'event' }] } });
    const [rejected] = await heard.until<RejectedRecord>(topic('events.rejected'), ({ length }) => length > 0);
    expect(rejected).toMatchObject({ processor: 'gateway', source: 'rehearsals', reason: expect.stringContaining('event') });
    expect(rejected?.value?.toString()).toContain('m-4');
  });
});

describe('a workspace with a mistake', () => {
  const broken = 'segment: regulars\nwhen:\n  count: { of: Sang, within: a fortnight, at_least: 1 }\n';

  it('is told by file and line, and nothing starts', async () => {
    const other = await changed({ 'segments/regulars.yaml': broken });
    const expected = {
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^freshet: segments\/regulars\.yaml:3:22 when\.count\.within: expected .*1h30m.*a fortnight"\n$/,
      ),
    };
    const attempts = [['validate'], ['start', '--no-demo']];
    expect(await Promise.all(attempts.map((args) => other.command(args)))).toEqual([expected, expected]);
    expect(await kafka.topics(other.prefix)).toEqual([]);
  });

  it('may have it in a template', async () => {
    const other = await changed({ 'templates/thanks.mjml': `${workspace['templates/thanks.mjml']}{{ name \n` });
    const expected = { code: 1, stdout: '', stderr: expect.stringMatching(/templates\/thanks\.mjml:5: /) };
    expect(await other.command(['run', 'email'])).toEqual(expected);
    expect(await kafka.topics(other.prefix)).toEqual([]);
  });
});

describe('the command line', () => {
  it('says what is in a workspace, and that its tests pass', async () => {
    const [validate, test] = await Promise.all([deployment.command(['validate']), deployment.command(['test'])]);
    const line = 'choir: 1 sources, 1 segments, 1 activations, 1 templates: all good\n';
    expect(validate).toEqual({ code: 0, stdout: line, stderr: '' });
    expect(test).toMatchObject({ code: 0, stdout: expect.stringContaining('1 passed, 0 failed') });
  });

  it('ends with a line when a port is taken', async () => {
    const port = new URL(freshet.gateway).port;
    const { code, stderr } = await deployment.command(['run', 'gateway'], { FRESHET_GATEWAY_PORT: port });
    expect([code, stderr]).toEqual([1, expect.stringMatching(`freshet: .*[Pp]ort ${port} .*`)]);
  });

  it('names what can be run when asked for something else', async () => {
    const ended = await deployment.command(['run', 'customers', 'sing-along']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^freshet: There is no sing-along to run; known are tag-freshness, .*customers.*gateway/);
  });

  it('lists the topics, and creates every one of them', async () => {
    const { code, stdout } = await deployment.command(['topics']);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '');
    expect(code).toBe(0);
    expect(names).toEqual(
      expect.arrayContaining(['events.raw', 'segments.membership', 'activations.outcomes', 'freshet.progress']),
    );
    const created = await kafka.topics(deployment.prefix);
    expect(names.filter((name) => !created.includes(topic(name)))).toEqual([]);
  });

  it('traces an event to what it changed, and says when there is none', async () => {
    const [known, unknown] = await Promise.all([deployment.command(['trace', 'm-2']), deployment.command(['trace', 'm-1'])]);
    expect(known.code).toBe(0);
    expect(known.stdout).toMatch(/^Sang from rehearsals: accepted, customer c_/);
    for (const hop of ['gateway -> events.raw', 'tag-freshness -> events.tagged', 'customers -> segments.membership'])
      expect(known.stdout).toContain(hop);
    expect(known.stdout).toContain('entered segment regulars');
    expect(unknown).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('No event with this messageId') });
  });
});
