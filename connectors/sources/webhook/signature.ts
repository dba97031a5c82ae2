import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookConfig } from '../../../schemas/config.ts';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** `signature`, however it was spelled, is of this call and no other. Otherwise why it is not believed, without anything of the call. */
export type Signed =
  | { readonly kind: 'signed'; readonly signature: string }
  | { readonly kind: 'refused'; readonly code: 'missing_signature' | 'bad_signature' | 'too_old'; readonly message: string };

/**
 * Whether the body, as it came, is signed with one of the secrets, and was so within the time that is allowed. `now` in epoch
 * milliseconds. A signature without a time holds for ever: repetitions of it are recognised by their id later on.
 */
export function checkSignature(config: WebhookConfig, headers: Headers, body: Buffer, now: number): Signed {
  const { header, prefix, encoding, timestamp, withinMs } = config;
  const parts = textOf(headers[header]).split(/[,\s]+/);
  const given = parts.filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length));
  if (given.every((each) => each === ''))
    return { kind: 'refused', code: 'missing_signature', message: `a signature is expected in the header ${header}` };
  const time = timestamp === null ? undefined : timeOf(timestamp, headers, parts);
  const signed = time === undefined ? body : Buffer.concat([Buffer.from(`${time}.`), body]);
  const digests = config.secrets.map((secret) => createHmac('sha256', secret).update(signed).digest());
  const found = digests.find((digest) => given.some((each) => isEqual(Buffer.from(each, encoding), digest)));
  if (found === undefined || time === '')
    return { kind: 'refused', code: 'bad_signature', message: 'the signature does not belong to the body' };
  if (time !== undefined && !(Math.abs(now - Number(time) * 1000) <= withinMs))
    return { kind: 'refused', code: 'too_old', message: `it was signed more than ${withinMs / 1000} s from now` };
  return { kind: 'signed', signature: found.toString('hex') };
}

function timeOf(timestamp: NonNullable<WebhookConfig['timestamp']>, headers: Headers, parts: readonly string[]): string {
  const text =
    'header' in timestamp
      ? textOf(headers[timestamp.header])
      : (parts.find((part) => part.startsWith(timestamp.inSignature))?.slice(timestamp.inSignature.length) ?? '');
  return /^\d{1,12}$/.test(text) ? text : '';
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}
