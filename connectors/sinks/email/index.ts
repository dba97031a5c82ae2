import MailComposer from 'nodemailer/lib/mail-composer';
import { FreshetError } from '../../../runtime/errors.ts';
import type { ActivationRequest } from '../../../schemas/generated/types.ts';
import type { Delivery, Sink } from '../contract.ts';
import { isAddress, isHeaderText } from './address.ts';
import { sendMail } from './smtp.ts';
import type { SmtpServer } from './smtp.ts';
import type { Rendered, Templates } from './templates.ts';

export interface EmailOptions {
  readonly server: SmtpServer;
  readonly from: { readonly name: string; readonly address: string };
  readonly templates: Templates;
  /** Public address of freshet's read side, without a slash at the end: `/why/<request id>` is put behind it. */
  readonly baseUrl: string;
}

/**
 * Mails by SMTP, one recipient each. The Message-ID is made of the request's id, so a repetition is the same message to every
 * mail system that looks. In templates the request's data are variables, and `why_url` leads to why this mail was sent.
 * After a crash that hides an outcome it repeats: a mail twice under one Message-ID is better than none.
 */
export function emailSink({ server, from, templates, baseUrl }: EmailOptions): Sink {
  if (!isAddress(from.address) || !isHeaderText(from.name)) {
    throw new FreshetError('CONFIG_INVALID', 'the sender of mails: expected a name and an address like shop@example.com');
  }
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);
  return {
    channel: 'email',
    onUnknown: 'repeat',
    deliver: async (request, { signal }) => {
      if (!isAddress(request.to)) return refused('the address is not a plain address');
      const data = parseObject(request.data);
      if (data === undefined) return refused('the data of the request are not a JSON object');
      const rendering = templates.render(request.template, {
        ...data,
        why_url: `${baseUrl}/why/${encodeURIComponent(request.id)}`,
      });
      if (rendering.kind === 'refused') return refused(rendering.reason);
      const messageId = messageIdOf(request, domain);
      const message = await compose(rendering.mail, from, request.to, messageId);
      const delivery = await sendMail(server, { from: from.address, to: request.to }, message, signal);
      return delivery.kind === 'sent' ? { kind: 'sent', reference: messageId } : delivery;
    },
  };
}

/** The same request has the same Message-ID, whoever sends it and however often. */
export function messageIdOf(request: Pick<ActivationRequest, 'id'>, domain: string): string {
  return `<${request.id.replace(/[^A-Za-z0-9._-]/g, (char) => `=${char.charCodeAt(0).toString(16)}`)}@${domain}>`;
}

function refused(reason: string): Delivery {
  return { kind: 'failed', reason, permanent: true };
}

function parseObject(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(json) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function compose({ subject, html, text }: Rendered, from: EmailOptions['from'], to: string, messageId: string): Promise<Buffer> {
  return new MailComposer({
    from: { name: from.name, address: from.address },
    to: { name: '', address: to },
    subject,
    html,
    text,
    messageId,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
}
