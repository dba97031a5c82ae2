import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Router } from 'express';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { FreshetError } from '../../runtime/errors.ts';
import { mailboxRouter } from './router.ts';
import { MailStore } from './store.ts';
import type { Mail } from './store.ts';

export interface MailboxOptions {
  /** 0: any free port. */
  readonly smtpPort: number;
  /** Where the mails are kept, so that a restart shows them. */
  readonly folder: string;
  /** Default 500. */
  readonly keep?: number;
}

export interface Mailbox {
  readonly smtpPort: number;
  /** Pages and JSON, to be mounted anywhere; see `mailboxRouter`. */
  readonly router: Router;
  /** Emits each mail once it is kept. */
  readonly events: EventEmitter<{ mail: [Mail] }>;
  list(): readonly Mail[];
  close(): Promise<void>;
}

const MAX_MESSAGE = 5 * 1024 * 1024;

/**
 * A mail server for development: it takes every mail on the loopback interface by SMTP, and delivers none.
 * A mail is answered with 250 once it is on disk. PORT_BUSY names the port.
 */
export async function startMailbox({ smtpPort, folder, keep = 500 }: MailboxOptions): Promise<Mailbox> {
  const store = await MailStore.open(folder, keep);
  const events = new EventEmitter<{ mail: [Mail] }>();
  const server = new SMTPServer({
    banner: 'freshet development mailbox',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MESSAGE,
    maxClients: 100,
    socketTimeout: 30_000,
    onData: (stream, { envelope }, answer) => {
      receive(
        stream,
        envelope.rcptTo.map(({ address }) => address),
      ).then(
        () => answer(),
        () => answer(Object.assign(new Error('the mail cannot be kept'), { responseCode: 451 })),
      );
    },
  });
  server.on('error', () => undefined);

  async function receive(stream: Readable, to: readonly string[]): Promise<void> {
    const source = await buffer(stream);
    const parsed = await simpleParser(source, { skipTextToHtml: true });
    const mail = await store.add({
      receivedAt: Date.now(),
      messageId: parsed.messageId ?? '',
      from: parsed.from?.text ?? '',
      to,
      subject: parsed.subject ?? '(no subject)',
      text: parsed.text ?? '',
      html: typeof parsed.html === 'string' ? parsed.html : null,
      source: source.toString('utf8'),
    });
    events.emit('mail', mail);
  }

  server.listen(smtpPort, '127.0.0.1');
  await once(server.server, 'listening').catch((cause: unknown) => {
    throw new FreshetError(
      'PORT_BUSY',
      `port ${smtpPort} of the development mailbox is in use: end what uses it, or choose another with FRESHET_SMTP_PORT`,
      { cause },
    );
  });
  return {
    smtpPort: (server.server.address() as AddressInfo).port,
    router: mailboxRouter(store),
    events,
    list: () => store.list(),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
