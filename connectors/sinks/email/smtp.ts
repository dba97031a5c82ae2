import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Delivery } from '../contract.ts';

/** Where to hand mails over. `requireTls` refuses a server without STARTTLS; `secure` is TLS from the first byte. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  readonly secure?: boolean;
  readonly requireTls?: boolean;
  readonly auth?: { readonly user: string; readonly password: string };
}

export interface Envelope {
  readonly from: string;
  readonly to: string;
}

interface SmtpError extends Error {
  readonly code?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly command?: string | undefined;
}

/**
 * Hands one message to the server over a connection of its own. Whatever fails before the message is begun certainly was
 * not sent: retry. After that the server's answer decides, 4xx retry, 5xx failed; no answer: it throws, nobody knows.
 * `message` is a complete RFC 5322 message. Aborting cuts the connection.
 */
export async function sendMail(server: SmtpServer, envelope: Envelope, message: Buffer, signal: AbortSignal): Promise<Delivery> {
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.secure ?? false,
    requireTLS: server.requireTls ?? false,
    connectionTimeout: 5000,
    greetingTimeout: 5000,
    dnsTimeout: 5000,
    socketTimeout: 10_000,
  });
  const aborted = (): void => connection.close();
  signal.addEventListener('abort', aborted);
  try {
    const refused = await connect(connection, server);
    if (refused !== undefined) return before(refused);
    if (signal.aborted) return { kind: 'retry', reason: 'the mail server was too slow' };
    await send(connection, envelope, message);
    connection.quit();
    return { kind: 'sent', reference: '' };
  } catch (error) {
    return answered(error as SmtpError);
  } finally {
    signal.removeEventListener('abort', aborted);
    connection.close();
  }
}

/** Resolves with what went wrong, or undefined once mails can be sent. */
function connect(connection: SMTPConnection, { auth }: SmtpServer): Promise<SmtpError | undefined> {
  return new Promise((resolve) => {
    connection.on('error', resolve);
    connection.once('end', () => resolve(new Error('the connection was closed')));
    connection.connect((error) => {
      if (error instanceof Error) return resolve(error);
      if (auth === undefined) return resolve(undefined);
      connection.login({ user: auth.user, pass: auth.password }, (failure) => resolve(failure ?? undefined));
    });
  });
}

function send(connection: SMTPConnection, envelope: Envelope, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.on('error', reject);
    connection.once('end', () => reject(new Error('the connection was closed')));
    connection.send({ from: envelope.from, to: [envelope.to], size: message.length }, message, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function before({ responseCode, code = '' }: SmtpError): Delivery {
  if (code === 'EAUTH') return { kind: 'retry', reason: 'the mail server refused the credentials', afterMs: 10_000 };
  const answer = responseCode === undefined ? (/^E[A-Z]+$/.exec(code)?.[0] ?? 'no connection') : `answer ${responseCode}`;
  return { kind: 'retry', reason: `the mail server cannot be used: ${answer}` };
}

/** Only the number of the server's answer is told: its text may quote the address. */
function answered(error: SmtpError): Delivery {
  const { responseCode, command = 'the message' } = error;
  if (responseCode === undefined && error.code === 'EENVELOPE') {
    return { kind: 'failed', reason: 'the mail server cannot take such an address', permanent: true };
  }
  if (responseCode === undefined || responseCode < 400) throw error;
  const reason = `the mail server answered ${responseCode} to ${command}`;
  return responseCode < 500 ? { kind: 'retry', reason } : { kind: 'failed', reason, permanent: true };
}
