import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { simpleParser } from 'mailparser';
import type { ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { ActivationRequest } from '../../../schemas/generated/types.ts';
import type { Delivery } from '../contract.ts';
import { emailSink } from './index.ts';
import { compileTemplates } from './templates.ts';
import type { Templates } from './templates.ts';

let folder: string;
let templates: Templates;
let server: SMTPServer;
let port: number;
let received: { readonly mail: ParsedMail; readonly to: readonly string[] }[];
/** How the server answers the end of a message. */
let answer: Error | null;

const smtpError = (responseCode: number): Error => Object.assign(new Error('ada@example.com is not wanted'), { responseCode });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'templates-'));
  const body =
    '<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ name }} {{ why_url }}</mj-text></mj-column></mj-section></mj-body></mjml>';
  await writeFile(join(folder, 'hello.mjml'), `---\nsubject: Hello {{ name }}\n---\n${body}`);
  templates = await compileTemplates(folder);
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  received = [];
  answer = null;
  server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _, done) =>
      done(address.startsWith('full') ? smtpError(452) : address.startsWith('gone') ? smtpError(550) : null),
    onData: (stream, { envelope }, done) => {
      simpleParser(stream).then((mail) => {
        received.push({ mail, to: envelope.rcptTo.map(({ address }) => address) });
        done(answer);
      }, done);
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  ({ port } = server.server.address() as AddressInfo);
});
afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

function deliver(more: Partial<ActivationRequest> = {}, at = port, signal = new AbortController().signal): Promise<Delivery> {
  const request = { id: 'r_-1', to: 'ada@example.com', template: 'hello', data: '{"name":"Zoë"}', ...more } as ActivationRequest;
  const sink = emailSink({
    server: { host: '127.0.0.1', port: at },
    from: { name: 'The Shop', address: 'shop@example.com' },
    templates,
    baseUrl: 'http://localhost:8080',
  });
  return sink.deliver(request, { signal, attempt: 1 });
}

describe('the e-mail sink', () => {
  it('sends a mail to one recipient, under a Message-ID made of the request', async () => {
    expect(await deliver()).toEqual({ kind: 'sent', reference: '<r_-1@example.com>' });
    expect(received).toHaveLength(1);
    expect(received[0]?.to).toEqual(['ada@example.com']);
    expect(received[0]?.mail).toMatchObject({
      messageId: '<r_-1@example.com>',
      subject: 'Hello Zoë',
      text: 'Hi Zoë http://localhost:8080/why/r_-1\n',
      from: { value: [{ name: 'The Shop', address: 'shop@example.com' }] },
      to: { value: [{ address: 'ada@example.com', name: '' }] },
    });
    expect(received[0]?.mail.html).toContain('Hi Zoë');
  });

  it('repeats under the same Message-ID', async () => {
    await deliver();
    await deliver();
    expect(received.map(({ mail }) => mail.messageId)).toEqual(['<r_-1@example.com>', '<r_-1@example.com>']);
  });

  it('refuses what would write headers, or address more than one', async () => {
    const hostile = ['ada@example.com\r\nBcc: eve@example.com', 'ada@example.com, eve@example.com', 'Ada <ada@example.com>'];
    for (const to of hostile) {
      expect(await deliver({ to })).toEqual({ kind: 'failed', reason: 'the address is not a plain address', permanent: true });
    }
    expect(await deliver({ data: '{"name":"x\\r\\nBcc: eve@example.com"}' })).toMatchObject({ kind: 'failed', permanent: true });
    expect(received).toEqual([]);
  });

  it('refuses data that are no object, and data that do not fit the template', async () => {
    for (const data of ['[]', '1', 'null', '{', '{}'])
      expect(await deliver({ data })).toMatchObject({ kind: 'failed', permanent: true });
  });

  it('takes 5xx as final and 4xx as a reason to try again, without quoting the server', async () => {
    const final = (reason: string): Delivery => ({ kind: 'failed', reason, permanent: true });
    expect(await deliver({ to: 'gone@example.com' })).toEqual(final('the mail server answered 550 to RCPT TO'));
    expect(await deliver({ to: 'full@example.com' })).toEqual({
      kind: 'retry',
      reason: 'the mail server answered 452 to RCPT TO',
    });
    answer = smtpError(554);
    expect(await deliver()).toEqual(final('the mail server answered 554 to DATA'));
    answer = smtpError(451);
    expect(await deliver()).toEqual({ kind: 'retry', reason: 'the mail server answered 451 to DATA' });
  });

  it('tries again later when nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const free = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    expect(await deliver({}, free)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('cannot be used') });
  });

  it('does not know when the connection breaks after the message was handed over', async () => {
    const breaking = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      upstream.pipe(client);
      client.on('data', (chunk) => {
        if (chunk.includes('\r\n.\r\n')) client.destroy();
        upstream.write(chunk);
      });
      for (const socket of [client, upstream])
        socket.on('error', () => undefined).on('close', () => (client.destroy(), upstream.destroy()));
    }).listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    await expect(deliver({}, (breaking.address() as AddressInfo).port)).rejects.toThrow();
    await new Promise((resolve) => breaking.close(resolve));
  });

  it('cuts a connection that takes too long', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const over = new AbortController();
    silent.once('connection', () => over.abort());
    expect(await deliver({}, (silent.address() as AddressInfo).port, over.signal)).toMatchObject({ kind: 'retry' });
    await new Promise((resolve) => silent.close(resolve));
  });
});
