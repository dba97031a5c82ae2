import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { createTransport } from 'nodemailer';
import { startMailbox } from './index.ts';
import type { Mailbox } from './index.ts';

let folder: string;
let mailbox: Mailbox;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailbox-'));
  mailbox = await startMailbox({ smtpPort: 0, folder, keep: 3 });
});
afterEach(async () => {
  await mailbox.close();
  await rm(folder, { recursive: true });
});

async function send(subject: string, html = '<p>hello</p>'): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port: mailbox.smtpPort });
  await transport.sendMail({ from: 'shop@example.com', to: 'ada@example.com', subject, text: 'hello', html });
  transport.close();
}

async function get(path: string): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const server = createServer(express().use('/mailbox', mailbox.router)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mailbox${path}`);
  const answer = { status: response.status, headers: response.headers, text: await response.text() };
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return answer;
}

describe('the development mailbox', () => {
  it('takes a mail over SMTP, keeps it and tells of it', async () => {
    const told = once(mailbox.events, 'mail');
    await send('Grüße');
    expect((await told)[0]).toMatchObject({ id: 1, subject: 'Grüße', to: ['ada@example.com'] });
    expect(mailbox.list()).toMatchObject([{ id: 1, from: 'shop@example.com', text: 'hello', html: '<p>hello</p>' }]);
  });

  it('shows the newest mails after a restart, a half-written file or not', async () => {
    for (const subject of ['one', 'two', 'three', 'four']) await send(subject);
    await writeFile(join(folder, '9.json'), '{"id":');
    await mailbox.close();
    mailbox = await startMailbox({ smtpPort: 0, folder, keep: 3 });
    expect(mailbox.list().map(({ subject }) => subject)).toEqual(['four', 'three', 'two']);
    await send('five');
    expect(mailbox.list().map(({ id, subject }) => `${id} ${subject}`)).toEqual(['10 five', '4 four', '3 three']);
    expect((await readdir(folder)).sort()).toEqual(['10.json', '3.json', '4.json', '9.json']);
  });

  it('says which port is in use', async () => {
    const second = startMailbox({ smtpPort: mailbox.smtpPort, folder: join(folder, 'second') });
    await expect(second).rejects.toMatchObject({ code: 'PORT_BUSY', message: expect.stringContaining(String(mailbox.smtpPort)) });
  });

  it('lists mails as pages and as JSON, wherever it is mounted', async () => {
    await send('first');
    await send('<script>alert(1)</script>');
    const page = await get('/');
    expect(page.text).toContain('href="/mailbox/mails/2"');
    expect(page.text).not.toContain('<script>alert');
    expect(JSON.parse((await get('/api/mails?limit=1')).text)).toMatchObject([{ id: 2, to: ['ada@example.com'] }]);
    expect(JSON.parse((await get('/api/mails?to=eve@example.com')).text)).toEqual([]);
    expect(JSON.parse((await get('/api/mails/1')).text)).toMatchObject({ id: 1, subject: 'first', text: 'hello' });
    for (const path of ['/mails/9', '/mails/x', '/api/mails/..%2f1']) expect((await get(path)).status).toBe(404);
  });

  it('shows the HTML of a mail where it can run and fetch nothing', async () => {
    await send('first', '<html><head></head><body><script>alert(1)</script><a href="https://example.com">x</a></body></html>');
    const page = await get('/mails/1');
    expect(page.text).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/mails/1/html"');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const frame = await get('/mails/1/html');
    expect(frame.headers.get('content-security-policy')).toMatch(/^sandbox allow-popups[^;]*; default-src 'none'/);
    expect(frame.text).toContain('<head><base target="_blank">');
  });
});
