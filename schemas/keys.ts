import { createHash, createHmac } from 'node:crypto';

/**
 * Opaque record keys: a keyed hash of kind and normalised value, 22 characters of base64url (132 bits), so that topics,
 * logs and metrics hold no personal data. `secret` belongs to the deployment; another secret gives other keys.
 */
export function opaqueKey(secret: string, kind: string, value: string): string {
  return createHmac('sha256', secret).update(kind).update('\0').update(value).digest('base64url').slice(0, 22);
}

/** The id of the customer that an identifier founds: `c_` and the identifier's opaque key. */
export function customerId(identifierKey: string): string {
  return `c_${identifierKey}`;
}

/** The identifier's key in the id of the customer that it founded. */
export function founderOf(customer: string): string {
  return customer.slice(2);
}

/** A deterministic id over its parts: 22 characters of base64url. */
export function hashId(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 22);
}
