import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { assertFree, freePorts } from '../../infra/local/ports.ts';
import { projectRoot } from '../../infra/local/settings.ts';
import { processIdentity } from '../../infra/lock.mjs';
import type { Customer, Decision, Snapshot, Walk, SourceStatus } from '../../services/views.ts';
import { eventually } from '../support/eventually.ts';
import { sh, Shell } from '../support/shell.ts';

/**
 * `npm start` as somebody sees it who has just cloned the project: from the first line to the second start, on a cluster and
 * ports of its own. The tests follow each other; there are two starts in all, as each takes half a minute.
 */
const names = ['KAFKA', 'REGISTRY', 'GATEWAY', 'CONSOLE', 'SMTP'] as const;
const plainLine = /^events (\d+), lag \d+ s, entered (\d+), left (\d+), mails (\d+), held (\d+), rejected (\d+)$/;
/** What takes seconds on an idle machine. */
const patience = { patienceMs: 90_000 };

let dataDir: string;
let ports: number[];
let env: Record<string, string>;
let running: Shell;
let consoleUrl = '';
let gatewayUrl = '';

beforeAll(async () => {
  dataDir = mkdtempSync(clusterFolder);
  ports = await freePorts(names.length);
  env = { FRESHET_DATA_DIR: dataDir, ...Object.fromEntries(names.map((name, i) => [`FRESHET_${name}_PORT`, String(ports[i])])) };
  running = new Shell('npm start -- --rate 20', env);
});
afterAll(async () => {
  running.interrupt();
  await running.end();
  rmSync(dataDir, { recursive: true, force: true });
});

async function get<T>(path: string): Promise<T> {
  const answer = await fetch(`${consoleUrl}${path}`);
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
  return (await answer.json()) as T;
}

/** What the live page is told first. */
async function snapshot(): Promise<Snapshot> {
  const stop = new AbortController();
  const { body } = await fetch(`${consoleUrl}/api/stream`, { signal: stop.signal });
  let text = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/^data: .*\n\n/m.test(text)) break;
  }
  stop.abort();
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as Snapshot;
}

const mine = (path: string): Promise<Customer> => get(`/api/customers/user_id/${path}`);
const myMails = (): Promise<{ id: number; subject: string; receivedAt: number }[]> => get('/mail/api/mails?to=me@example.com');
const segmentsOf = ({ memberships }: Customer): string[] => memberships.map(({ segment }) => segment);
const members = ({ status }: Snapshot, segment: string): number =>
  status.segments.find((one) => one.segment === segment)?.members ?? 0;
const holder = (): number => (JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as { pid: number }).pid;
const plain = (): { at: number; text: string }[] => running.said('stdout').filter(({ text }) => !/^(>.*|\s*)$/.test(text));

describe('the first start', () => {
  let loaded: number;

  it('says which pages to open', async () => {
    consoleUrl = (/http\S+\w/.exec((await running.line('stderr', /^ {2}live page /)).text) ?? [''])[0];
    gatewayUrl = (/http\S+(?=\/v1)/.exec((await running.line('stderr', /^ {2}gateway /)).text) ?? [''])[0];
    expect([consoleUrl, gatewayUrl]).toEqual([`http://localhost:${ports[3]}`, `http://localhost:${ports[2]}`]);
    for (const [page, what] of [
      ['/', 'text/html'],
      ['/mail', 'text/html'],
      ['/metrics', 'text/plain'],
    ] as const) {
      const answer = await fetch(consoleUrl + page);
      expect([page, answer.status, answer.headers.get('content-type')]).toEqual([page, 200, expect.stringContaining(what)]);
    }
  });

  it('loads the history of the shop, with its rate, and sends nothing, but says how much it would have sent', async () => {
    const { at, text } = await running.line('stderr', /history loaded/);
    expect(text).toMatch(/history loaded: \d{5} events in [\d.]+ s \(\d+\/s\), 0 mails sent, would have been [1-9]\d*$/);
    expect(running.said('stderr').some((line) => /history: \d+ events, \d+ a second/.test(line.text))).toBe(true);
    loaded = at;
  });

  it('then lets the shop live: every source has its status and as of when its facts are, every hop its rate', async () => {
    await running.line('stderr', /the shop opens: about 20 events a second/);
    const seen = await eventually(
      snapshot,
      ({ walk, status }) => {
        expect(Object.fromEntries(status.sources.map((source) => [source.source, source.status]))).toEqual({
          'shop-history': 'ended',
          shop: 'fresh',
          orders: 'fresh',
          stock: 'fresh',
          prices: 'fresh',
        });
        expect(walk.hops.filter(({ hop, perSecond }) => hop !== 'email-sink' && perSecond === 0)).toEqual([]);
      },
      patience,
    );
    for (const { asOf } of seen.status.sources) expect(asOf).toEqual(expect.any(Number));
    expect(members(seen, 'first-time-buyers')).toBeGreaterThan(10);
    expect(await (await fetch(`${consoleUrl}/metrics`)).text()).toMatch(
      /^freshet_records_total\{processor="customers".*\} [1-9]/m,
    );
  });

  it('puts into a segment whoever runs the curl that it prints, and the mail, which says why, is there within seconds', async () => {
    const said = running.said('stderr').map(({ text }) => text);
    const from = said.findIndex((text) => text.includes('Put yourself into a segment'));
    const curl =
      said
        .slice(from + 1)
        .join('\n')
        .trimStart()
        .split('\n\n')[0]
        ?.split(/^freshet: /m)[0] ?? '';
    expect(curl).toContain(`curl -s -u dev-shop-key: ${gatewayUrl}/v1/batch`);
    const began = Date.now();
    expect(await sh(curl)).toMatchObject({ code: 0, stdout: expect.stringContaining('"success":true') });
    const [mail] = await eventually(myMails, (mails) => expect(mails.length).toBeGreaterThan(0), patience);
    expect((mail?.receivedAt ?? 0) - began).toBeLessThan(10_000);

    const { html } = await get<{ html: string }>(`/mail/api/mails/${mail?.id}`);
    const why = await fetch(/href="(http[^"]*\/why\/[^"]*)"/.exec(html)?.[1] ?? '');
    expect(await why.text()).toMatch(/Order Completed/);
    await eventually(
      () => mine('me'),
      (me) => expect(segmentsOf(me)).toEqual(expect.arrayContaining(['big-basket'])),
      patience,
    );
  });

  it('has mailed nobody before the history was loaded', async () => {
    const mails = await get<{ receivedAt: number }[]>('/mail/api/mails?limit=1000');
    expect(mails.filter(({ receivedAt }) => receivedAt < loaded - 1000)).toEqual([]);
  });

  it('takes what the example with an SDK sends', async () => {
    const example = /^```js\n(.*?)^```/ms.exec(readFileSync(join(projectRoot, 'README.md'), 'utf8'))?.[1] ?? '';
    expect(example).toContain('http://localhost:8088');
    const script = example.replace('http://localhost:8088', gatewayUrl);
    expect(await sh(`node --input-type=module -e "$SCRIPT"`, { SCRIPT: script })).toMatchObject({ code: 0, stderr: '' });
    await eventually(
      () => mine('ada'),
      (ada) => expect(segmentsOf(ada)).toContain('big-basket'),
      patience,
    );
  });

  it('tells where an event has been and what it changed', async () => {
    const mail = await eventually(
      () => get<Decision[]>('/api/decisions'),
      (decisions) => expect(decisions.map(({ because }) => because.messageId)).toContainEqual(expect.stringMatching(/^me-2-/)),
      patience,
    );
    const id = mail.find(({ because }) => because.messageId?.startsWith('me-2-'))?.because.messageId ?? '';
    const { code, stdout } = await sh('npm run freshet -- trace my-message-id'.replace('my-message-id', id), env);
    expect(stdout).toMatch(/stitch-identity/);
    expect(stdout).toMatch(/big-basket/);
    expect(code).toBe(0);
  });

  it('lets files be replayed beside it, in a space of their own', async () => {
    const orders = join(dataDir, 'orders');
    mkdirSync(orders);
    const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
    const rows = [1, 2, 3].map((i) => `53636${i},85123A,A HOLDER,${i},2010-12-0${i} 08:26:00,2.55,17850.0,United Kingdom`);
    for (const [i, row] of rows.entries()) writeFileSync(join(orders, `day-${i}.csv`), `${header}\n${row}\n`);
    const replay = 'npm run freshet -- replay orders/*.csv --source retail-csv'.replace('orders', orders);
    const { code, stdout, stderr } = await sh(replay, env);
    expect(`${stdout}\n${stderr}`).toMatch(/\b3 rows of 3 files: 3 used.*\bmessages: 0 sent/s);
    expect(code).toBe(0);
    const { status } = await snapshot();
    expect(status.sources.map(({ source }) => source)).not.toContain('retail-csv');
  });

  it('tells what goes wrong: with the till silent, carts are not called abandoned but wait for its orders', async () => {
    // On a slow machine its own story is over by now; while it is told, this is refused.
    await sh('npm run freshet -- demo break orders', env);
    const seen = await eventually(
      snapshot,
      ({ story, waiting }) => {
        expect(story.map(({ text }) => text)).toContainEqual(
          expect.stringMatching(/^The line of the till is down.* of abandoned-cart wait/),
        );
        expect(waiting).toContainEqual(expect.objectContaining({ source: 'orders', rule: 'abandoned-cart', kind: 'decision' }));
      },
      patience,
    );
    expect(seen.status.sources.find(({ source }) => source === 'orders')?.status).toBe('silent');
    const { code, stdout } = await sh('npm run freshet -- sources waiting', env);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^orders +\d+ decisions? of abandoned-cart since /m)]);
  });

  it('prints one plain line every five seconds and nothing else', async () => {
    const said = plain();
    for (const { text } of said) expect(text).toMatch(plainLine);
    const [first, last] = [said[0]?.at ?? 0, said.at(-1)?.at ?? 0];
    expect((last - first) / (said.length - 1)).toBeGreaterThan(4500);
    expect((last - first) / (said.length - 1)).toBeLessThan(8000);
    const [, events, entered, , mails] = (plainLine.exec(said.at(-1)?.text ?? '') ?? []).map(Number);
    expect(events).toBeGreaterThan(40_000);
    expect(entered).toBeGreaterThan(0);
    expect(mails).toBeGreaterThan(0);
  });
});

describe('beside it', () => {
  const onlyLine = ({ stderr }: { stderr: string }): string => stderr.replaceAll(/^npm .*\n?/gm, '').trim();

  it('a second start on the same data says in one line who is there', async () => {
    const second = await sh('npm start', env);
    expect(second.code).toBe(1);
    expect(onlyLine(second)).toBe(`freshet: freshet already runs on ${dataDir} as process ${holder()}: end that one first`);
  });

  it.each([
    ['KAFKA', 0],
    ['CONSOLE', 3],
    ['SMTP', 4],
  ])('one whose port for %s is taken says in one line which it is and how to choose another', async (name, index) => {
    const elsewhere = mkdtempSync(clusterFolder);
    const free = Object.fromEntries(names.map((each) => [`FRESHET_${each}_PORT`, '0']));
    const [port, setting] = [String(ports[index]), `FRESHET_${name}_PORT`];
    const { code, ...said } = await sh('npm start -- --no-demo', { ...free, FRESHET_DATA_DIR: elsewhere, [setting]: port });
    expect(onlyLine(said)).toMatch(new RegExp(`^freshet: port ${port} for [^\n]* ${setting}$`));
    expect([code, readdirSync(elsewhere).includes('kafka')]).toEqual([1, false]);
    rmSync(elsewhere, { recursive: true });
  });

  it('its data are not cleared', async () => {
    const reset = await sh('npm run reset', env);
    expect(reset.code).toBe(1);
    expect(onlyLine(reset)).toBe(`freshet runs on ${dataDir} as process ${holder()}: end it before you clear its data`);
  });
});

describe('the end', () => {
  it('by Ctrl-C is in order, and leaves no process and no port behind', async () => {
    const before = running.descendants();
    expect(before.length).toBeGreaterThanOrEqual(4);
    running.interrupt();
    const { stderr } = await running.end();
    expect(stderr).toMatch(/\nfreshet: stopping …\nfreshet: ended; nothing is left running$/);
    expect(before.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
    for (const [i, port] of ports.entries()) await assertFree(port, names[i] ?? '', '');
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
  });
});

describe('the second start', () => {
  it('has the first event through the chain within seconds, and loads no history again', async () => {
    running = new Shell('npm start -- --rate 20', env);
    await running.line('stderr', /^ {2}live page /);
    await eventually(
      () => get<Walk>('/api/walk'),
      ({ hops }) => expect(hops.find(({ hop }) => hop === 'customers')?.perSecond).toBeGreaterThan(0),
      patience,
    );
    // Within 20 s on a machine that does nothing else.
    expect(Date.now() - running.began).toBeLessThan(60_000);
    expect(running.said('stderr').filter(({ text }) => text.includes('history'))).toEqual([]);
  });

  it('goes on from where the first ended: members, mails and the status of sources are still there', async () => {
    const seen = await eventually(snapshot, ({ status }) => expect(status.complete).toBe(true), patience);
    expect(members(seen, 'first-time-buyers')).toBeGreaterThan(10);
    expect(members(seen, 'lapsed')).toBeGreaterThan(10);
    expect(segmentsOf(await mine('me'))).toContain('big-basket');
    expect((await myMails()).length).toBeGreaterThan(0);
    const { sources } = await get<Walk & { sources: SourceStatus[] }>('/api/walk');
    expect(sources.find(({ source }) => source === 'shop-history')?.status).toBe('ended');
  });

  it('kills a processor when it is asked to: what comes in waits, and is caught up with when it is back', async () => {
    const broken = await sh('npm run freshet -- demo break processor', env);
    expect([broken.code, broken.stdout]).toEqual([0, expect.stringMatching(/customers was killed in the middle of its work/)]);
    await eventually(
      snapshot,
      ({ walk }) => {
        const hop = walk.hops.find(({ hop: name }) => name === 'customers');
        expect([hop?.trouble, hop?.waiting]).toEqual([expect.stringMatching(/^killed \d+ s ago/), expect.any(Number)]);
        expect(hop?.waiting).toBeGreaterThan(0);
      },
      patience,
    );
    const caughtUp = expect.objectContaining({
      tone: 'good',
      text: expect.stringMatching(/^customers has caught up \d+ events/),
    });
    await eventually(snapshot, ({ story }) => expect(story).toContainEqual(caughtUp), patience);
    const refused = await sh('npm run freshet -- demo break weather', env);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('known are orders, stock, processor')]);
  });

  it('ends everything as well when a supervisor ends npm, and npm alone', async () => {
    const before = running.descendants();
    running.terminate();
    await running.end();
    expect(before.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
  });

  it('can be cleared away', async () => {
    expect(await sh('npm run reset', env)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${dataDir} is cleared`) });
    expect(existsSync(dataDir)).toBe(false);
  });
});
