import type { SmtpServer } from '../connectors/sinks/email/smtp.ts';
import { FreshetError } from '../runtime/errors.ts';

/** `smtp://user:password@host:587` or `smtps://…`; the first demands STARTTLS where there is a password. */
export function smtpServerOf(url: string): SmtpServer {
  const { protocol, hostname, port, username, password } = new URL(url);
  if (protocol !== 'smtp:' && protocol !== 'smtps:') {
    throw new FreshetError('CONFIG_INVALID', 'FRESHET_SMTP_URL must begin with smtp:// or smtps://');
  }
  const secure = protocol === 'smtps:';
  return {
    host: hostname,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    ...(username === ''
      ? {}
      : { requireTls: !secure, auth: { user: decodeURIComponent(username), password: decodeURIComponent(password) } }),
  };
}

/** `Name <address>`, or an address alone. */
export function senderOf(text: string): { readonly name: string; readonly address: string } {
  const match = /^\s*(?<name>[^<]*?)\s*<(?<address>[^>]+)>\s*$/.exec(text);
  return { name: match?.groups?.['name'] ?? '', address: match?.groups?.['address'] ?? text.trim() };
}
